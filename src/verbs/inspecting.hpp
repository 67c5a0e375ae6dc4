// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "protocol/inspect.hpp"
#include "verbs/session.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Look at the lock at `path`, to the end.
[[nodiscard]] InspectResult inspect(const std::string& path, const World& world, Session& session);

}  // namespace ufl

// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "protocol/inspect.hpp"
#include "seams/liveness.hpp"
#include "verbs/session.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Look at the lock at `path`, to the end.
[[nodiscard]] InspectResult inspect(const std::string& path, const World& world, Session& session);

/// What this host sees of whoever holds the lock; `local`: this kernel alone sees its file.
[[nodiscard]] Life life_of(const World& world, const Sighting& seen, bool local);

}  // namespace ufl

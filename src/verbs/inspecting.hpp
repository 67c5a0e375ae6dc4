// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "protocol/inspect.hpp"
#include "verbs/verb_loop.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Look at the lock at `path`, to the end. `local`: only this kernel sees its file system.
[[nodiscard]] InspectResult inspect(const std::string& path, bool local, const World& world,
                                    VerbLoop& loop);

}  // namespace ufl

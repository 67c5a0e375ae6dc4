// SPDX-License-Identifier: MIT

#pragma once

#include <string>

#include "cli/options.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// ufl --refresh: one beat for the lock that --token holds. 0: it is held, for another lease.
[[nodiscard]] Ending refresh(const Options& options, const World& world);

/// Remember on this host that the lock of `token`, whose lease is `lease`, was refreshed or taken
/// at `when`: the next refresh need not doubt it.
void note_refresh(const World& world, const std::string& token, Duration lease, Mono when);

}  // namespace ufl

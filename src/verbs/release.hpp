// SPDX-License-Identifier: MIT
//
// ufl --release and --check: for a person or script with the token that --acquire printed.

#pragma once

#include "cli/options.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Release options.lock_file if it is held with options.token. Throws std::system_error when the
/// kernel gives no event loop.
[[nodiscard]] Ending release(const Options& options, const World& world);

/// Is it held with options.token? The same, without the release.
[[nodiscard]] Ending check(const Options& options, const World& world);

}  // namespace ufl

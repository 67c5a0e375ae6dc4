// SPDX-License-Identifier: MIT

#pragma once

#include "cli/options.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Do what `options` ask for, and write the --report.
[[nodiscard]] Ending perform(const Options& options, const World& world);

}  // namespace ufl

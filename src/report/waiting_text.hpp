// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <string>

#include "protocol/record.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// What a ufl that wants a lock is doing.
struct WaitProgress {
  bool for_other = true;  ///< somebody else holds it; else ufl's own delay passes
  Sighting seen;          ///< for_other: who
  Duration delay{};       ///< else: how long it takes
  Duration since{};       ///< since the start of it all
};

/// One line about it of at most `columns`, for a person who watches: what does not fit is left out,
/// the least important first. "ufl: waiting for deploy.lock · alice@build-3 pid 4242 · rsync -a ...
/// · held 2m13s · 0:07".
[[nodiscard]] std::string waiting_text(const std::string& path, const WaitProgress& waiting,
                                       Wall now, std::size_t columns);

}  // namespace ufl

// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

#include "protocol/place.hpp"
#include "seams/clock.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// What is to be kept.
struct KeepOptions {
  std::string path;
  std::string token;
  std::string record;  ///< as it was written
  /// The command, to be written into the record; none: nothing is written, or can be.
  std::optional<ProcessId> child;
  /// The lease that the record gives; none: it is only looked at.
  std::optional<Duration> lease;
  /// With a lease: from telling the command to stop to killing it.
  Duration kill_after{};
  /// With a lease: how long an operation takes here, as measured.
  Duration takes{};
  /// With a lease: nothing of the record was to be seen before.
  Mono begun{};
  /// Without a lease: from one look to the next; none: look_soon() alone says when.
  std::optional<Duration> look_interval;
  bool local = false;  ///< only this kernel sees the file system
  bool kept = false;   ///< others see that this process keeps the file (CreateExclusive)
  Place place;         ///< where the lock file was when it was taken
};

}  // namespace ufl

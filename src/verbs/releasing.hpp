// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/options.hpp"
#include "protocol/claim.hpp"
#include "protocol/driver.hpp"
#include "protocol/release.hpp"
#include "report/run_report.hpp"
#include "seams/timer.hpp"
#include "sys/mount_table.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// Note in `report` how the release ended.
void note_release(RunReport& report, const ReleaseResult& result);

/// Remove the witness that the lock of `token` has on this host, if it is ours: root may release
/// what alice has taken, and her witness stays until the next boot.
void forget_witness(const World& world, const std::string& token);

/// The same after a release with `token`, if nothing of its lock is on the share any more, or its
/// lease alone says from now on when others may have it. On a local file system nobody leaves one.
void forget_witness(const World& world, const MountTraits& mount, const std::string& token,
                    const ReleaseResult& result);

/// One release, as every verb does it that lets a lock go, or looks whether it still has it.
class Releasing {
 public:
  using EndHandler = std::function<void(const ReleaseResult&)>;

  /// Needs nothing of the kernel later than now, but a descriptor for a moment.
  Releasing(const World& world, Timer& timer) : world_{world}, timer_{timer} {}

  /// Call once. `on_ended` may be called before it returns.
  void start(ReleaseOptions options, EndHandler on_ended);

 private:
  const World& world_;
  Timer& timer_;
  std::optional<Release> release_;
  std::optional<Driver> driver_;
};

}  // namespace ufl

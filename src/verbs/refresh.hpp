// SPDX-License-Identifier: MIT

#pragma once

#include <optional>
#include <string>

#include "cli/options.hpp"
#include "protocol/refresh.hpp"
#include "seams/clock.hpp"
#include "sys/mount_table.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// ufl --refresh: one heartbeat for the lock that --token holds. 0: it is held, for another lease.
[[nodiscard]] Ending refresh(const Options& options, const World& world);

/// Tells, with -v, that a refresh waits to see whether somebody takes the lock over. Once.
class LateRefreshNotice {
 public:
  LateRefreshNotice(const Options& options, const MountTraits& mount)
      : options_{options}, mount_{mount} {}

  /// The machine waits; `doubts`: for that.
  void waits(bool doubts);

 private:
  const Options& options_;
  const MountTraits& mount_;
  bool told_ = false;
};

/// For how long such a refresh waits.
[[nodiscard]] Duration refresh_delay_on(const MountTraits& mount, const Options& options);

/// Say why that did not end in `held`; the status is that of every verb with --token.
[[nodiscard]] Ending not_refreshed(const Options& options, const World& world,
                                   const RefreshResult& result);

/// Remember on this host that the lock of `token`, whose lease is `lease`, was refreshed or taken
/// at `when`: the next refresh need not doubt it.
void note_refresh(const World& world, const std::string& token, Duration lease, Mono when);

/// When the lock of `token` was last refreshed or taken, if this host remembers it.
[[nodiscard]] std::optional<Mono> last_refresh(const World& world, const std::string& token);

/// There is no lock of `token` any more: remember nothing of it.
void forget_refresh(const World& world, const std::string& token);

}  // namespace ufl

// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/options.hpp"
#include "protocol/driver.hpp"
#include "protocol/refresh.hpp"
#include "seams/timer.hpp"
#include "sys/mount_table.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// ufl --refresh: one beat for the lock that --token holds. 0: it is held, for another lease.
[[nodiscard]] Ending refresh(const Options& options, const World& world);

/// One beat for the lock that --token holds, as every verb writes it that must know that nobody is
/// taking the lock over.
class Refreshing {
 public:
  using EndHandler = std::function<void(const RefreshResult&)>;

  Refreshing(const Options& options, const World& world, Timer& timer)
      : options_{options}, world_{world}, timer_{timer} {}

  /// Call once; `mount` is that of the lock file. `on_ended` may be called before it returns.
  void start(const MountTraits& mount, EndHandler on_ended);

 private:
  void waits(Duration delay);

  const Options& options_;
  const World& world_;
  Timer& timer_;
  std::optional<Refresh> refresh_;
  std::optional<Driver> driver_;
  bool told_ = false;
};

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

// SPDX-License-Identifier: MIT
//
// TokenRelease: lets a lock go that another process has taken (`ufl --acquire`), by its token.
//
//     look      still ours? (release.hpp)
//     refresh   a heartbeat, if the lease may be over (refresh.hpp).
//     release   release.hpp, within a lease that is surely not over.
//
// Why it refreshes: on a share, the lease that nobody refreshes may be over while we release:
//   1 A looks: mine.  2 B, which has seen no heartbeat for so long, replaces it.  3 A removes B's
//   record.
// On a file system that is local for the process that has taken the lock, too, flock(2) parts the
// two; and the lease of a ufl that waits for a command is refreshed by that one.

#pragma once

#include <optional>

#include "protocol/refresh.hpp"
#include "protocol/release.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// Which lock is to be let go.
struct TokenReleaseOptions {
  ReleaseOptions lock;
  std::optional<Mono> last;   ///< start of the last refresh, or of the claim; none: not known
  Duration takeover_delay{};  ///< for how long a takeover waits before it verifies
};

/// One release by token; and its witness is removed when that is due (witness.hpp). Drive it as
/// step.hpp says; it never asks and cannot be cancelled.
class TokenRelease final : public Machine {
 public:
  TokenRelease(TokenReleaseOptions options, const Clock& clock, Identity& identity);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  /// Valid after Finished: how the release ended, or the look before it; unless not_refreshed().
  [[nodiscard]] const ReleaseResult& result() const { return release_->result(); }
  /// Valid after Finished: why the lease could not be refreshed; none: that was not the end.
  [[nodiscard]] const std::optional<RefreshResult>& not_refreshed() const { return not_refreshed_; }

  /// It waits, to see whether somebody takes the lock over.
  [[nodiscard]] bool doubts() const { return refresh_ && refresh_->doubts(); }

 private:
  enum class Stage { looking, refreshing, releasing };

  Step follow(Step step);
  Step looked();
  Step refreshed();
  Step release(std::optional<Mono> until);
  Step finish();

  TokenReleaseOptions options_;
  const Clock& clock_;
  Identity& identity_;
  Stage stage_ = Stage::looking;
  std::optional<Release> release_;  // the look, and then the release
  std::optional<Refresh> refresh_;
  std::optional<RefreshResult> not_refreshed_;
  Duration lease_{};
};

}  // namespace ufl

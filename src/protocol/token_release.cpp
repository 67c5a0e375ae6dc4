// SPDX-License-Identifier: MIT

#include "protocol/token_release.hpp"

#include <utility>
#include <variant>

#include "protocol/both_local.hpp"
#include "protocol/lease.hpp"
#include "protocol/witness.hpp"

namespace ufl {

TokenRelease::TokenRelease(TokenReleaseOptions options, const Clock& clock, Identity& identity)
    : options_{std::move(options)}, clock_{clock}, identity_{identity} {}

Step TokenRelease::start() {
  ReleaseOptions look = options_.lock;
  look.only_look = true;
  release_.emplace(std::move(look), clock_);
  return follow(release_->start());
}

Step TokenRelease::on_reply(const FileReply& reply) {
  const bool refreshes = stage_ == Stage::refreshing;
  return follow(refreshes ? refresh_->on_reply(reply) : release_->on_reply(reply));
}

Step TokenRelease::resume() {
  return follow(stage_ == Stage::refreshing ? refresh_->resume() : release_->resume());
}

Step TokenRelease::follow(Step step) {
  if (!std::holds_alternative<Finished>(step)) return step;
  switch (stage_) {
    case Stage::looking:
      return looked();
    case Stage::refreshing:
      return refreshed();
    case Stage::releasing:
      break;
  }
  return finish();
}

Step TokenRelease::finish() {
  remove_witness(identity_, options_.lock.token, options_.lock.local, result().outcome);
  return Finished{};
}

Step TokenRelease::looked() {
  const ReleaseResult& look = release_->result();
  if (look.outcome != ReleaseResult::Outcome::held) return finish();
  const Holder& holder = look.seen.holder;
  const auto lease = usable_lease(holder);
  if (both_local(look.seen, options_.lock.local)) return release({});
  if (!lease || !holder.detached.value_or(false)) return release({});
  lease_ = *lease;
  const auto& last = options_.last;
  if (last && clock_.now() < *last + lease_reliable(lease_)) {
    return release(*last + lease_reliable(lease_));
  }
  stage_ = Stage::refreshing;
  refresh_.emplace(RefreshOptions{options_.lock, last, options_.takeover_delay}, clock_);
  return follow(refresh_->start());
}

Step TokenRelease::refreshed() {
  const RefreshResult& result = refresh_->result();
  switch (result.outcome) {
    case RefreshResult::Outcome::held:
      return release(result.refreshed + lease_reliable(lease_));
    case RefreshResult::Outcome::no_lease:
      // It has no heartbeat, and nobody takes it over for want of one; or none that can be written.
      return release({});
    case RefreshResult::Outcome::lost:
    case RefreshResult::Outcome::failed:
      break;
  }
  not_refreshed_ = result;
  const bool is_lost = result.outcome == RefreshResult::Outcome::lost;
  if (is_lost) {
    remove_witness(identity_, options_.lock.token, options_.lock.local,
                   ReleaseResult::Outcome::lost);
  }
  return Finished{};
}

Step TokenRelease::release(std::optional<Mono> until) {
  stage_ = Stage::releasing;
  ReleaseOptions release = options_.lock;
  release.until = until;
  release_.emplace(std::move(release), clock_);
  return follow(release_->start());
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "protocol/session.hpp"

#include <chrono>
#include <utility>
#include <variant>

#include "protocol/witness.hpp"

namespace ufl {

namespace {

using std::chrono::seconds;

// Without a lease, from one look of a holder at its lock file to the next.
constexpr Duration kLookInterval = seconds{30};
constexpr Duration kLookIntervalToKill = seconds{5};

// Most commands have ended by then, and need nobody who tells them of changes of the lock file.
constexpr Duration kSettlesAfter = seconds{1};

KeepOptions keep_options(const SessionOptions& options, const ClaimResult& held,
                         const ProcessId& command) {
  const ClaimOptions& claim = options.claim;
  KeepOptions keep;
  keep.path = claim.path;
  keep.token = held.token;
  keep.record = held.record;
  if (claim.writes_in_place) keep.child = command;
  keep.lease = claim.lease;
  keep.kill_after = options.kills ? options.kill_after : Duration::zero();
  keep.takes = held.look_to_write;
  keep.begun = held.begun;
  keep.look_interval = options.kills ? kLookIntervalToKill : kLookInterval;
  keep.local = claim.local;
  keep.kept = held.kept;
  keep.place = held.place;
  return keep;
}

}  // namespace

Session::Session(SessionOptions options, const SessionWorld& world, SessionEvents events)
    : options_{std::move(options)},
      world_{world},
      events_{std::move(events)},
      claim_{options_.claim, world.clock, world.identity, world.notifier},
      section_{options_.kills,
               options_.kill_after,
               world.clock,
               world.command,
               world.deadline,
               {.on_start =
                    [this] {
                      world_.settling.at(world_.clock.now() + kSettlesAfter,
                                         [this] { watch_file(); });
                    },
                .on_lost = [this](CommandFate fate) { events_.on_lost(fate); },
                .on_change = [this] { section_changed(); }}} {}

Step Session::start() { return follow(claim_.start()); }

Step Session::on_reply(const FileReply& reply) {
  waits_for_reply_ = false;
  switch (stage_) {
    case Stage::claiming:
      return follow(claim_.on_reply(reply));
    case Stage::keeping:
      return follow(keep_->on_reply(reply));
    case Stage::releasing:
      return follow(release_->on_reply(reply));
    case Stage::deciding:
    case Stage::over:
      break;
  }
  return Finished{};
}

Step Session::resume() {
  switch (stage_) {
    case Stage::claiming:
      return follow(claim_.resume());
    case Stage::keeping:
      if (keep_ended_ || section_.is_over()) return noted(after_section());
      return follow(section_.wants_keep_to_end() ? keep_->cancel() : keep_->resume());
    case Stage::releasing:
      return follow(release_->resume());
    case Stage::deciding:
      return Acquired{};
    case Stage::over:
      break;
  }
  return Finished{};
}

Step Session::cancel() { return stage_ == Stage::claiming ? follow(claim_.cancel()) : resume(); }

Step Session::follow(Step step) {
  switch (stage_) {
    case Stage::claiming:
      step = after_claim(std::move(step));
      break;
    case Stage::keeping:
      step = after_keep(std::move(step));
      break;
    case Stage::releasing:
      step = after_release(std::move(step));
      break;
    case Stage::deciding:
    case Stage::over:
      break;
  }
  return noted(std::move(step));
}

Step Session::noted(Step step) {
  waits_for_reply_ = std::holds_alternative<FileOperation>(step);
  return step;
}

Step Session::after_claim(Step step) {
  if (!std::holds_alternative<Finished>(step)) return step;
  if (claim_.result().outcome != ClaimResult::Outcome::acquired) {
    stage_ = Stage::over;
    return step;
  }
  const auto lease = claim_.kept_lease();
  is_too_slow_ = lease && !lease->has_room(lease->takes);
  stage_ = is_too_slow_ ? Stage::releasing : Stage::deciding;
  return is_too_slow_ ? begin_release() : Acquired{};
}

Step Session::keep(const ProcessId& command) {
  keep_.emplace(keep_options(options_, claim_.result(), command), world_.clock);
  if (!section_.begin(keep_->lease())) {
    is_unwatched_ = true;
    world_.command.abandon();
    return let_go();
  }
  stage_ = Stage::keeping;
  return follow(keep_->start());
}

Step Session::hand_over() {
  stage_ = Stage::over;
  return Finished{};
}

Step Session::let_go() {
  stage_ = Stage::releasing;
  return noted(begin_release());
}

// The lock is kept so far.
bool Session::on_wait() {
  if (stage_ == Stage::claiming) return claim_.on_wait();
  if (stage_ != Stage::keeping || keep_ended_) return false;
  section_.kept(keep_->lease(), keep_->is_recorded());
  if (keep_->restored() > 0 && !std::exchange(told_restored_, true)) events_.on_restored();
  return section_.wants_keep_to_end();
}

Step Session::after_keep(Step step) {
  const bool waits = std::holds_alternative<WaitUntil>(step);
  if (waits && section_.wants_keep_to_end()) step = keep_->cancel();
  if (!std::holds_alternative<Finished>(step)) return step;
  keep_ended_ = true;
  section_.keep_ended(keep_->result().outcome);
  return after_section();
}

// Until then the command is being stopped, or runs on without its lock.
Step Session::after_section() {
  if (!section_.is_over()) return WaitUntil{Mono::max()};
  world_.settling.cancel_timer();
  if (section_.loss() == CriticalSection::Loss::lease_over) return leave();
  stage_ = Stage::releasing;
  return begin_release();
}

Step Session::begin_release() {
  events_.on_letting_go();
  const ClaimResult& held = claim_.result();
  ReleaseOptions release;
  release.path = options_.claim.path;
  release.token = held.token;
  release.delay = claim_.delay();
  release.local = options_.claim.local;
  release.atomic_create = options_.claim.atomic_create;
  release.place = held.place;
  const auto lease = keep_ ? keep_->lease() : claim_.kept_lease();
  if (lease) release.until = lease->reliable_until();
  release_.emplace(std::move(release), world_.clock);
  return after_release(release_->start());
}

Step Session::after_release(Step step) {
  if (!std::holds_alternative<Finished>(step)) return step;
  stage_ = Stage::over;
  remove_witness(world_.identity, claim_.result().token, options_.claim.local,
                 release_->result().outcome);
  return step;
}

// The lease is over: the file is for others to take over, and the share may not answer. Without its
// witness nobody can prove the holder dead; but there is the lease for that.
Step Session::leave() {
  events_.on_letting_go();
  stage_ = Stage::over;
  remove_witness(world_.identity, claim_.result().token, options_.claim.local,
                 ReleaseResult::Outcome::too_late);
  return Finished{};
}

void Session::command_ended() { section_.command_ended(); }

void Session::command_stopped() { section_.command_stopped(); }

void Session::wake() {
  if (stage_ == Stage::keeping) section_.wake();
}

// The command has been running for a while. On a share nothing is told: the interval is there, or
// the refreshes are.
void Session::watch_file() {
  if (world_.notifier == nullptr || !options_.claim.local) return;
  if (!world_.notifier->watch_changes([this] { look_soon(); })) return;
  look_soon();
  events_.on_wake();
}

void Session::look_soon() {
  if (stage_ == Stage::keeping && !keep_ended_) keep_->look_soon();
}

void Session::section_changed() {
  const bool hangs = section_.is_over() && waits_for_reply_;
  if (!hangs) return events_.on_wake();
  (void)leave();
  events_.on_over();
}

}  // namespace ufl

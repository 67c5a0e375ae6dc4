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
      claim_{options_.claim, world.clock, world.identity, world.notifier} {}

Machine* Session::at_work() {
  switch (stage_) {
    case Stage::claiming:
      return &claim_;
    case Stage::keeping:
      return &*holding_;
    case Stage::releasing:
      return &*release_;
    case Stage::deciding:
    case Stage::over:
      break;
  }
  return nullptr;
}

Step Session::start() { return follow(claim_.start()); }

Step Session::on_reply(const FileReply& reply) {
  Machine* const machine = at_work();
  return machine != nullptr ? follow(machine->on_reply(reply)) : Finished{};
}

Step Session::resume() {
  if (stage_ == Stage::deciding) return Acquired{};
  Machine* const machine = at_work();
  return machine != nullptr ? follow(machine->resume()) : Finished{};
}

bool Session::on_wait() {
  Machine* const machine = at_work();
  return machine != nullptr && machine->on_wait();
}

Step Session::cancel() { return stage_ == Stage::claiming ? follow(claim_.cancel()) : resume(); }

Step Session::follow(const Step& step) {
  if (!std::holds_alternative<Finished>(step)) return step;
  switch (stage_) {
    case Stage::claiming:
      return after_claim();
    case Stage::keeping:
      return loss() == CriticalSection::Loss::lease_over ? leave() : begin_release();
    case Stage::releasing:
      over(release_->result().outcome);
      break;
    case Stage::deciding:
    case Stage::over:
      break;
  }
  return Finished{};
}

Step Session::after_claim() {
  const bool is_acquired = claim_.result().outcome == ClaimResult::Outcome::acquired;
  stage_ = is_acquired ? Stage::deciding : Stage::over;
  if (!is_acquired) return Finished{};
  const auto lease = claim_.kept_lease();
  is_too_slow_ = lease && !lease->has_room(lease->takes);
  return is_too_slow_ ? begin_release() : Acquired{};
}

Step Session::keep(const ProcessId& command) {
  const HoldingWorld world{world_.clock, world_.command, world_.deadline, world_.settling,
                           world_.notifier};
  holding_.emplace(keep_options(options_, claim_.result(), command), options_.kills,
                   options_.kill_after, world,
                   HoldingEvents{.on_wake = events_.on_wake,
                                 .on_over =
                                     [this] {
                                       (void)leave();
                                       events_.on_over();
                                     },
                                 .on_lost = events_.on_lost,
                                 .on_restored = events_.on_restored});
  if (!holding_->begin()) {
    holding_.reset();
    return let_go();
  }
  stage_ = Stage::keeping;
  return follow(holding_->start());
}

Step Session::hand_over() {
  stage_ = Stage::over;
  return Finished{};
}

Step Session::let_go() { return begin_release(); }

Step Session::begin_release() {
  stage_ = Stage::releasing;
  events_.on_letting_go();
  const ClaimResult& held = claim_.result();
  ReleaseOptions release;
  release.path = options_.claim.path;
  release.token = held.token;
  release.delay = claim_.delay();
  release.local = options_.claim.local;
  release.atomic_create = options_.claim.atomic_create;
  release.place = held.place;
  const auto lease = holding_ ? holding_->lease() : claim_.kept_lease();
  if (lease) release.until = lease->reliable_until();
  release_.emplace(std::move(release), world_.clock);
  return follow(release_->start());
}

// The lease is over: the file is for others to take over, and the share may not answer. Without its
// witness nobody can prove the holder dead; but there is the lease for that.
Step Session::leave() {
  events_.on_letting_go();
  over(ReleaseResult::Outcome::too_late);
  return Finished{};
}

void Session::over(ReleaseResult::Outcome outcome) {
  stage_ = Stage::over;
  remove_witness(world_.identity, claim_.result().token, options_.claim.local, outcome);
}

void Session::wake() {
  if (stage_ == Stage::keeping) holding_->wake();
}

CriticalSection::Loss Session::loss() const {
  return holding_ ? holding_->section().loss() : CriticalSection::Loss::none;
}

}  // namespace ufl

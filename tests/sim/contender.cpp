// SPDX-License-Identifier: MIT

#include "sim/contender.hpp"

#include <fmt/format.h>

#include <utility>

#include "protocol/token.hpp"
#include "sim/mutants.hpp"

namespace ufl::sim {

namespace {

ShareKnobs without_errors(ShareKnobs knobs) {
  // What the five steps make of an error is not ufl's to prove: os.path.exists() says "no".
  knobs.lost_reply = knobs.error = knobs.lands_after_error = 0;
  knobs.stale = knobs.stale_lie = knobs.refused = knobs.full_disk = knobs.in_use = 0;
  return knobs;
}

}  // namespace

Wall SimClock::wall() const {
  return Wall{std::chrono::seconds{static_cast<std::int64_t>(world_.below(4'000'000'000))}};
}

void SimTimer::at(Mono when, std::function<void()> handler) {
  Moment due = std::max(clock_.moment(when), world_.now());
  if (world_.chance(knobs_.late_timer)) due += world_.some_of(knobs_.longest_late_timer);
  when_running(world_, due, process_, [this, mine = ++generation_, handler = std::move(handler)] {
    if (mine == generation_) handler();
  });
}

Contender::Contender(const Surroundings& around, int who, const ShareKnobs& share_knobs)
    : around_{around},
      world_{around.world},
      monitor_{around.monitor},
      knobs_{around.knobs},
      who_{who},
      client_{world_, around.share, share_knobs, who, process_},
      rounds_left_{around.knobs.rounds} {}

void Contender::start() { next(); }

Duration Contender::hold_time() {
  return std::max(knobs_.shortest_hold, world_.some_of(knobs_.longest_hold));
}

void Contender::next() {
  client_.let_go();
  monitor_.wants(who_, false);
  busy_ = false;
  if (rounds_left_ == 0) return;
  after(world_.some_of(knobs_.longest_pause), [this] {
    --rounds_left_;
    busy_ = true;
    monitor_.wants(who_, true);
    if (world_.chance(knobs_.crash)) {
      after(world_.some_of(knobs_.longest_hold + 2 * knobs_.delay), [this] { die(); });
    }
    round();
  });
}

void Contender::die() {
  monitor_.dies(who_);
  process_->alive = false;
  client_.let_go();
  if (world_.chance(knobs_.power_cut)) around_.share.lose_content(who_);
}

void Contender::after(Duration time, World::Action action) {
  when_running(world_, world_.now() + time, process_, std::move(action));
}

UflProcess::UflProcess(const Surroundings& around, int who, Duration uptime)
    : Contender{around, who, around.share_knobs},
      clock_{world_, uptime - world_.now()},
      identity_{world_, who},
      timer_{world_, clock_, knobs_, process_} {
  if (!knobs_.local) return;
  around_.share.on_removal([this] {
    after(world_.some_of(3 * kTick), [this] {
      if (claim_) wake(*claim_, *driver_);
    });
  });
}

ClaimOptions claim_of(const ContenderKnobs& knobs, const ShareKnobs& share) {
  ClaimOptions options;
  options.path = "lock";
  options.delay = knobs.delay;
  options.retry = knobs.retry;
  options.retry_grows = knobs.retry_grows;
  options.local = knobs.local;
  options.atomic_create = share.atomic_create;
  options.late_hold = knobs.late_hold;
  return options;
}

void rely_on_hints(World& world, const ContenderKnobs& knobs, Claim& claim) {
  if (knobs.local && world.chance(500)) claim.rely_on_hints(std::chrono::seconds{3});
}

bool may_watch_holder(const ContenderKnobs& knobs, const Claim& claim) {
  return knobs.local && claim.waiting_for_other() && claim.knows_holder();
}

void wake(Claim& claim, Driver& driver) {
  claim.look_soon();
  if (claim.waiting_for_other()) driver.wake();
}

ClaimOptions UflProcess::claim_options() const { return claim_of(knobs_, around_.share_knobs); }

ReleaseOptions UflProcess::release_options(std::string token, Duration delay) const {
  return {.path = "lock",
          .token = std::move(token),
          .delay = delay,
          .local = knobs_.local,
          .atomic_create = around_.share_knobs.atomic_create};
}

void UflProcess::drive(Machine& machine, std::unique_ptr<Machine> mutant, DriverEvents events) {
  double_ = std::move(mutant);
  recorder_.emplace(double_ ? *double_ : machine, world_, who_);
  driver_ = std::make_unique<Driver>(*recorder_, client_, timer_, std::move(events));
}

void UflProcess::start_release(const ReleaseOptions& options, std::function<void()> on_ended) {
  release_ = std::make_unique<Release>(options, clock_);
  auto mutant = knobs_.mutant == nullptr
                    ? nullptr
                    : knobs_.mutant->before_release(*release_, clock_, options.token);
  drive(*release_, std::move(mutant), DriverEvents{.on_finished = std::move(on_ended)});
  driver_->start();
}

/// A process that knows the token and releases the lock, with a view of the share of its own.
struct UflContender::Elsewhere {
  Elsewhere(UflContender& holder, const std::shared_ptr<const Process>& process)
      : client{holder.world_, holder.around_.share, holder.around_.share_knobs, holder.who_,
               process},
        timer{holder.world_, holder.clock_, holder.knobs_, process},
        release{holder.own_release(), holder.clock_},
        recorder{release, holder.world_, holder.who_},
        driver{recorder, client, timer, DriverEvents{.on_finished = [] {}}} {}

  Client client;
  SimTimer timer;
  Release release;
  Recorder recorder;
  Driver driver;
};

UflContender::UflContender(const Surroundings& around, int who, Duration uptime)
    : UflProcess{around, who, uptime} {}

UflContender::~UflContender() = default;

void UflContender::round() {
  ClaimOptions options = claim_options();
  if (world_.chance(knobs_.impatient)) {
    options.timeout = kTick * static_cast<int>(world_.below(500));
    if (world_.chance(300)) options.timeout = Duration::zero();
  }
  driver_.reset();
  claim_ = std::make_unique<Claim>(std::move(options), clock_, identity_);
  rely_on_hints(world_, knobs_, *claim_);
  drive(*claim_,
        knobs_.mutant == nullptr ? nullptr : knobs_.mutant->before_claim(*claim_, clock_, knobs_),
        DriverEvents{.on_looks_free = [this] { return !world_.chance(knobs_.cancelled / 10); },
                     .on_wait = [this] { claim_waits(); },
                     .on_finished = [this] { claim_ended(); }});
  if (world_.chance(knobs_.cancelled)) {
    const auto same_claim = [this, number = round_number_] { return number == round_number_; };
    after(world_.some_of(3 * knobs_.delay + 10 * kTick), [this, same_claim] {
      if (!same_claim()) return;
      world_.tell(who_, "is told to stop");
      driver_->cancel();
    });
  }
  driver_->start();
}

// Nobody here would be found dead.
void UflContender::claim_waits() {
  if (may_watch_holder(knobs_, *claim_)) claim_->holder_is_watched();
}

void UflContender::claim_ended() {
  ++round_number_;
  const ClaimResult& result = claim_->result();
  record(world_, who_, result);
  if (result.outcome == ClaimResult::Outcome::acquired) return entered();
  if (result.left_behind || client_.betrayed()) monitor_.abandons(who_, result.token);
  if (result.outcome == ClaimResult::Outcome::failed) {
    if (result.failure.status == FileStatus::denied) monitor_.is_forbidden(who_);
    monitor_.fails(who_);
  }
  world_.tell(who_, result.left_behind ? "gives up, and says that its claim may be left behind"
                                       : "gives up");
  next();
}

void UflContender::entered() {
  monitor_.wants(who_, false);
  monitor_.enters(who_, claim_->result().token);
  const Duration hold = hold_time();
  if (hold > Duration::zero() && world_.chance(knobs_.release_elsewhere)) {
    after(world_.some_of(hold - kTick), [this] { release_elsewhere(); });
  }
  after(hold, [this] { release(); });
}

ReleaseOptions UflContender::own_release() const {
  ReleaseOptions options = release_options(claim_->result().token, claim_->delay());
  options.place = claim_->result().place;
  return options;
}

void UflContender::release_elsewhere() {
  monitor_.leaves(who_);
  world_.tell(who_, "is released by another process");
  elsewhere_.push_back(std::make_unique<Elsewhere>(*this, process_));
  elsewhere_.back()->driver.start();
}

void UflContender::release() {
  monitor_.leaves(who_);
  start_release(own_release(), [this] { release_ended(); });
}

void UflContender::release_ended() {
  const ReleaseResult& result = release_->result();
  record(world_, who_, result);
  if (result.outcome == ReleaseResult::Outcome::failed) {
    monitor_.abandons(who_, claim_->result().token);
    world_.tell(who_, "could not release");
  } else if (result.outcome == ReleaseResult::Outcome::lost) {
    world_.tell(who_, "is told that it has lost the lock");
  }
  next();
}

FiveSteps::FiveSteps(const Surroundings& around, int who)
    : Contender{around, who, without_errors(around.share_knobs)} {}

void FiveSteps::round() { look(); }

void FiveSteps::look() {
  client_.start(ReadFile{"lock", kRecordLimit}, [this](const FileReply& reply) {
    if (reply.status == FileStatus::not_found) return write();
    after(knobs_.retry * static_cast<int>(3 + world_.below(3)) / 4, [this] { look(); });
  });
}

void FiveSteps::write() {
  token_ = token_of(who_, ++claims_);
  client_.overwrite(token_,
                    [this](const FileReply&) { after(knobs_.delay, [this] { verify(); }); });
}

void FiveSteps::verify() {
  client_.start(ReadFile{"lock", kRecordLimit}, [this](const FileReply& reply) {
    if (reply.status == FileStatus::ok && strip(reply.content) == token_) {
      monitor_.wants(who_, false);
      monitor_.enters(who_, token_);
      return after(hold_time(), [this] { release(); });
    }
    after(knobs_.retry, [this] { look(); });
  });
}

void FiveSteps::release() {
  monitor_.leaves(who_);
  client_.start(ReadFile{"lock", kRecordLimit}, [this](const FileReply& reply) {
    reply.status == FileStatus::ok ? remove_if_mine() : next();
  });
}

void FiveSteps::remove_if_mine() {
  client_.start(ReadFile{"lock", kRecordLimit}, [this](const FileReply& reply) {
    if (reply.status != FileStatus::ok || strip(reply.content) != token_) return next();
    client_.start(RemoveFile{"lock"}, [this](const FileReply&) { next(); });
  });
}

}  // namespace ufl::sim

// SPDX-License-Identifier: MIT

#include "sim/contender.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "protocol/token.hpp"
#include "sim/double.hpp"
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
      timer_{world_, clock_, knobs_, process_},
      unused_timer_{world_, clock_, knobs_, process_},
      notifier_{world_, around.share, nullptr, process_} {
  notifier_.wakes([this] { player_->wake(); });
}

UflProcess::~UflProcess() = default;

ClaimOptions claim_of(const ContenderKnobs& knobs, const ShareKnobs& share) {
  ClaimOptions options;
  options.path = "lock";
  options.delay = knobs.delay;
  options.retry.interval = knobs.retry;
  options.retry.interval_when_told = std::chrono::seconds{3};
  options.retry.grows = knobs.retry_grows;
  options.local = knobs.local;
  options.atomic_create = share.atomic_create;
  options.late_hold = knobs.late_hold;
  return options;
}

ClaimOptions UflProcess::claim_options() const { return claim_of(knobs_, around_.share_knobs); }

ReleaseOptions UflProcess::release_options(std::string token, Duration delay) const {
  return {.path = "lock",
          .token = std::move(token),
          .delay = delay,
          .local = knobs_.local,
          .atomic_create = around_.share_knobs.atomic_create};
}

void UflProcess::make_session(ClaimOptions claim) {
  const SessionWorld around{clock_,        identity_,     no_command_,
                            unused_timer_, unused_timer_, &notifier_};
  SessionOptions options;
  options.claim = std::move(claim);
  player_ =
      std::make_unique<SessionPlayer>(world_, who_, std::move(options), around, SessionEvents{});
}

void UflProcess::let_go() {
  if (knobs_.mutant != nullptr) {
    player_->before_release(knobs_.mutant->before_release(session(), clock_, claimed().token));
  }
  player_->go_on(session().let_go());
}

/// A process that knows the token and releases the lock, with a view of the share of its own.
struct UflContender::Elsewhere {
  Elsewhere(UflContender& holder, const std::shared_ptr<const Process>& process)
      : clock{holder.world_, holder.clock_.now().time_since_epoch() - holder.world_.now()},
        client{holder.world_, holder.around_.share, holder.around_.share_knobs, holder.who_,
               process},
        timer{holder.world_, clock, holder.knobs_, process},
        release{of(holder), clock},
        recorder{release, holder.world_, holder.who_},
        driver{recorder, client, timer, DriverEvents{.on_finished = [] {}}} {}

  static ReleaseOptions of(UflContender& holder) {
    const ClaimResult& held = holder.claimed();
    ReleaseOptions options = holder.release_options(held.token, holder.session().claim().delay());
    options.place = held.place;
    return options;
  }

  SimClock clock;  ///< of its own: a mutant may break the holder's
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
  holds_ = false;
  make_session(std::move(options));
  if (knobs_.mutant != nullptr) {
    player_->before_claim(knobs_.mutant->before_claim(session(), clock_, knobs_));
  }
  if (world_.chance(knobs_.cancelled)) {
    const auto same_claim = [this, number = round_number_] { return number == round_number_; };
    after(world_.some_of(3 * knobs_.delay + 10 * kTick), [this, same_claim] {
      if (!same_claim()) return;
      world_.tell(who_, "is told to stop");
      player_->stop();
    });
  }
  player_->start(
      client_, timer_,
      DriverEvents{.on_looks_free = [this] { return !world_.chance(knobs_.cancelled / 10); },
                   .on_acquired =
                       [this] {
                         acquired();
                         return std::nullopt;
                       },
                   .on_finished = [this] { session_ended(); }});
}

void UflContender::acquired() {
  ++round_number_;
  holds_ = true;
  monitor_.wants(who_, false);
  monitor_.enters(who_, claimed().token);
  const Duration hold = hold_time();
  if (hold > Duration::zero() && world_.chance(knobs_.release_elsewhere)) {
    after(world_.some_of(hold - kTick), [this] { release_elsewhere(); });
  }
  after(hold, [this] { release(); });
}

void UflContender::release_elsewhere() {
  monitor_.leaves(who_);
  world_.tell(who_, "is released by another process");
  elsewhere_.push_back(std::make_unique<Elsewhere>(*this, process_));
  elsewhere_.back()->driver.start();
}

void UflContender::release() {
  monitor_.leaves(who_);
  let_go();
}

void UflContender::session_ended() {
  if (!holds_) {
    ++round_number_;
    not_acquired(claimed());
    return next();
  }
  const ReleaseResult& result = session().release()->result();
  if (result.outcome == ReleaseResult::Outcome::failed) {
    monitor_.abandons(who_, claimed().token);
    world_.tell(who_, "could not release");
  } else if (result.outcome == ReleaseResult::Outcome::lost) {
    world_.tell(who_, "is told that it has lost the lock");
  }
  next();
}

void UflContender::not_acquired(const ClaimResult& result) {
  if (result.left_behind || client_.betrayed()) monitor_.abandons(who_, result.token);
  if (result.outcome == ClaimResult::Outcome::failed) {
    if (result.failure.reply.status == FileStatus::denied) monitor_.is_forbidden(who_);
    monitor_.fails(who_);
  }
  world_.tell(who_, result.left_behind ? "gives up, and says that its claim may be left behind"
                                       : "gives up");
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

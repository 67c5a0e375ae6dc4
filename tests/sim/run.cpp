// SPDX-License-Identifier: MIT

#include "sim/run.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "sim/double.hpp"
#include "sim/identity.hpp"

namespace ufl::sim {

namespace {

using std::chrono::seconds;

/// Writes no beats.
class Beatless final : public Double {
 public:
  using Double::Double;
  std::optional<FileReply> answer(const FileOperation& operation) override {
    if (!std::holds_alternative<UpdateFile>(operation)) return {};
    return reply_of(FileStatus::ok);
  }
};

/// Writes what only later versions read: the records of its own claims.
class Newer final : public Machine {
 public:
  Newer(Machine& inner, int who) : inner_{inner}, who_{who} {}
  Step start() override { return told(inner_.start()); }
  Step on_reply(const FileReply& reply) override {
    FileReply seen = reply;
    change(seen.content, kLater, kOurs);
    return told(inner_.on_reply(seen));
  }
  Step resume() override { return told(inner_.resume()); }
  Step cancel() override { return told(inner_.cancel()); }

 private:
  static constexpr std::string_view kOurs = "\"v\":1,";
  static constexpr std::string_view kLater = "\"v\":2,";

  void change(std::string& record, std::string_view from, std::string_view to) const {
    const auto found = record.find(from);
    if (found == std::string::npos) return;
    const bool is_own = token_in(record).substr(0, kWho) == token_of(who_, 0).substr(0, kWho);
    if (is_own) record.replace(found, from.size(), to);
  }
  Step told(Step step) const {
    auto* operation = std::get_if<FileOperation>(&step);
    if (operation == nullptr) return step;
    const auto write = [this](std::string& record) { change(record, kOurs, kLater); };
    if (auto* create = std::get_if<CreateExclusive>(operation)) write(create->content);
    if (auto* remove = std::get_if<RemoveFile>(operation); remove != nullptr && remove->only_if) {
      write(*remove->only_if);
    }
    if (auto* update = std::get_if<UpdateFile>(operation)) {
      write(update->expected);
      write(update->content);
    }
    return step;
  }

  static constexpr std::size_t kWho = 8;  // digits that tell whose a token is
  Machine& inner_;
  int who_;
};

/// Takes a record of a later version for one of ours.
class ReadsAnyVersion final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    FileReply seen = reply;
    const auto version = is_read() ? seen.content.find("\"v\":2,") : std::string::npos;
    if (version != std::string::npos) seen.content[version + 4] = '1';
    return seen;
  }
};

/// Takes a record without a command for one whose command has ended.
class TakesForChildless final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    constexpr std::int64_t kNobody = 1'000'000;
    FileReply seen = reply;
    if (!is_read() || reply.status != FileStatus::ok) return seen;
    const Sighting sighting = parse_record(reply.content);
    if (sighting.kind != Sighting::Kind::record || sighting.holder.child) return seen;
    if (auto record = with_child(reply.content, {kNobody, 1})) seen.content = std::move(*record);
    return seen;
  }
};

}  // namespace

Run::Run(const Stage& stage, Host& host, int who, Kind kind, bool once,
         std::function<void(bool acquired)> on_ended)
    : stage_{stage},
      host_{host},
      who_{who},
      kind_{kind},
      once_{once},
      on_ended_{std::move(on_ended)},
      id_{host.begin_process()},
      clock_{stage.world, host.offset()},
      timer_{stage.world, clock_, stage.knobs, process_},
      identity_{stage.world,
                host,
                who,
                id_,
                {!stage.world.chance(stage.recovery.unbound),
                 stage.recovery.flaw == RecoveryFlaw::unpromised_lifeline}},
      judge_{identity_, host},
      client_{stage.world, stage.share, stage.share_knobs, who, process_} {}

Run::~Run() = default;

void Run::after(Duration time, World::Action action) {
  when_running(stage_.world, stage_.world.now() + time, process_, std::move(action));
}

ClaimOptions Run::claim_options() {
  ClaimOptions options = claim_of(stage_.knobs, stage_.share_knobs);
  options.takeover_delay = stage_.knobs.takeover_delay;
  if (stage_.world.chance(stage_.knobs.impatient)) {
    options.timeout = kTick * static_cast<int>(stage_.world.below(500));
  }
  if (once_) {
    options.timeout = Duration::zero();
    options.most_lost_races = kMaxBusyLooksAtOnce;
  }
  if (has_lease() || kind_ == Kind::newer) options.lease = stage_.recovery.lease;
  const bool is_stopped = kind_ == Kind::leased && !flawed(RecoveryFlaw::kill_time_forgotten);
  if (is_stopped) options.kill_after = stage_.recovery.kill_after;
  options.detached = kind_ == Kind::script || kind_ == Kind::bound || kind_ == Kind::newer;
  if (kind_ == Kind::bound) options.lives_with = id_;
  options.observations = stage_.one_memory != nullptr ? stage_.one_memory : &host_.memory();
  options.observed_as = "lock";
  options.may_take_over = [this](const Sighting& seen, bool is_abandoned) {
    return may_take_over(seen, is_abandoned);
  };
  options.is_dead = [this](const Sighting& seen) {
    return life_of(judge_, seen, stage_.knobs.local) == Life::dead;
  };
  return options;
}

Sighting Run::as_judged(Sighting seen) {
  const Holder here = identity_.self();
  const bool same_name = seen.holder.host == here.host;
  if (flawed(RecoveryFlaw::name_proves) && same_name) seen.holder.machine = here.machine;
  if (flawed(RecoveryFlaw::name_is_asked_for) && !same_name) seen.holder.machine.reset();
  if (flawed(RecoveryFlaw::holders_mount_ignored)) seen.holder.mount = kLocalMount;
  return seen;
}

bool Run::may_take_over(const Sighting& seen, bool is_abandoned) {
  const Life life = life_of(judge_, as_judged(seen), stage_.knobs.local);
  if (flawed(RecoveryFlaw::lease_beats_lifeline) && is_abandoned) return true;
  if (flawed(RecoveryFlaw::mtime_for_beats) && seen.holder.lease) {
    // The clock of the server, and that of this host, which is some seconds ahead or behind.
    const Duration age = stage_.world.now() - stage_.share.current().since;
    if (age + seconds{static_cast<int>(who_ % 7) - 3} > lease_of(*seen.holder.lease)) return true;
  }
  return ufl::may_take_over(life, is_abandoned);
}

void Run::drive(Machine& machine, DriverEvents events) {
  recorder_.emplace(double_ ? *double_ : machine, stage_.world, who_);
  driver_ = std::make_unique<Driver>(*recorder_, client_, timer_, std::move(events));
  driver_->start();
}

void Run::start() {
  claim_ = std::make_unique<Claim>(claim_options(), clock_, identity_);
  if (flawed(RecoveryFlaw::beatless_claim)) double_ = std::make_unique<Beatless>(*claim_, clock_);
  if (kind_ == Kind::newer) double_ = std::make_unique<Newer>(*claim_, who_);
  if (kind_ != Kind::newer && flawed(RecoveryFlaw::any_version)) {
    double_ = std::make_unique<ReadsAnyVersion>(*claim_, clock_);
  }
  if (flawed(RecoveryFlaw::childless_at_once)) {
    double_ = std::make_unique<TakesForChildless>(*claim_, clock_);
  }
  if (stage_.world.tells()) tell("begins on " + host_.ids().name);
  rely_on_hints(stage_.world, stage_.knobs, *claim_);
  if (stage_.knobs.local) {
    stage_.share.on_removal(
        [this] { after(stage_.world.some_of(3 * kTick), [this] { wake(*claim_, *driver_); }); });
  }
  if (flawed(RecoveryFlaw::ignores_keepers)) client_.ignore_keepers();
  host_.on_end([this](const ProcessId& process) {
    if (watched_ == process) after(stage_.world.some_of(3 * kTick), [this] { holder_ended(); });
  });
  const ContenderKnobs& knobs = stage_.knobs;
  if (stage_.world.chance(knobs.cancelled)) {
    const Duration longest = 3 * knobs.delay + 10 * kTick +
                             (stage_.world.chance(200) ? knobs.late_hold : Duration::zero());
    after(stage_.world.some_of(longest), [this] {
      if (over_ || claim_is_over_) return;
      tell("is told to stop");
      driver_->cancel();
    });
  }
  drive(*claim_, DriverEvents{.on_wait = [this] { claim_waits(); },
                              .on_finished = [this] { claim_ended(); }});
}

void Run::claim_waits() {
  if (!may_watch_holder(stage_.knobs, *claim_)) return;
  const Holder& holder = claim_->seen().holder;
  watched_.reset();
  if (holder.pid) watch({*holder.pid, holder.start});
  if (holder.child && !watched_) watch(*holder.child);
  if (!holder.pid || watched_) claim_->holder_is_watched();
}

// The kernel may refuse.
void Run::watch(const ProcessId& process) {
  if (host_.runs(process) && !stage_.world.chance(100)) watched_ = process;
}

void Run::holder_ended() {
  claim_->holder_ended();
  if (claim_->waiting_for_other()) driver_->wake();
}

void Run::claim_ended() {
  claim_is_over_ = true;
  const ClaimResult& result = claim_->result();
  record(stage_.world, who_, result);
  if (result.outcome == ClaimResult::Outcome::acquired) {
    if (claim_->takes_over()) tell("takes the lock over");
    return acquired();
  }
  if (result.left_behind || client_.betrayed()) {
    gives_up(result.token);
  }
  // A look that is always too old has no errno.
  if (result.outcome == ClaimResult::Outcome::failed && result.failure.error != 0) {
    stage_.monitor.fails(who_);
  }
  tell(result.outcome == ClaimResult::Outcome::failed ? "fails" : "gives up");
  // Whoever is told that the share is too slow for his lease does not ask for that one again.
  const bool is_refused = result.outcome == ClaimResult::Outcome::too_slow;
  if (is_refused) stage_.monitor.refuses();
  end(is_refused);
}

ReleaseOptions Run::release_options() const {
  return {.path = "lock",
          .token = claim_->result().token,
          .delay = claim_->delay(),
          .local = stage_.knobs.local,
          .atomic_create = stage_.share_knobs.atomic_create,
          .place = claim_->result().place};
}

void Run::release(std::optional<Mono> until) {
  ReleaseOptions options = release_options();
  options.until = until;
  release_ = std::make_unique<Release>(options, clock_);
  double_.reset();
  drive(*release_, DriverEvents{.on_finished = [this] { release_ended(); }});
}

void Run::release_ended() {
  record(stage_.world, who_, release_->result());
  using Outcome = ReleaseResult::Outcome;
  const Outcome outcome = release_->result().outcome;
  if (outcome == Outcome::too_late) tell("leaves its lock to others");
  if (outcome == Outcome::lost) tell("is told that it has lost the lock");
  if (outcome == Outcome::failed) tell("could not release");
  // What others have made of its file is nobody's who is there.
  const bool is_ruined = outcome == Outcome::lost && stage_.recovery.emptied > 0;
  if (outcome == Outcome::too_late || outcome == Outcome::failed || is_ruined) {
    gives_up(claim_->result().token);
  }
  end(true);
}

void Run::gives_up(const std::string& token) {
  stage_.monitor.gives_up(who_, token);
  if (!was_disturbed_) stage_.monitor.fails(who_);
}

Duration Run::hold_time() {
  return std::max(stage_.knobs.shortest_hold, stage_.world.some_of(stage_.knobs.longest_hold));
}

bool Run::lives() const { return !over_ && process_->alive; }

void Run::end(bool acquired) {
  if (std::exchange(over_, true)) return;
  ended_ = stage_.world.now();
  host_.end_process(id_);
  identity_.let_go();
  client_.let_go();
  if (on_ended_) on_ended_(acquired);
}

void Run::kill(bool both) {
  if (!lives()) return;
  tell(both ? "is killed, with its command" : "is killed");
  process_->alive = false;
  process_->killed = stage_.world.now();
  host_.end_process(id_);
  identity_.let_go();
  client_.let_go();
  killed(both);
  end(true);
  if (stage_.world.chance(stage_.recovery.reused)) host_.reuse(id_.pid);
}

void Run::dead_for_good() {
  stage_.monitor.leaves(who_);
  stage_.monitor.dies(who_);
}

void Run::stop(Duration time) {
  if (!lives()) return;
  was_disturbed_ = true;
  time = longest_stop(time);
  if (stage_.world.tells()) tell("is stopped for " + text_of(time));
  process_->stopped_until = std::max(process_->stopped_until, stage_.world.now() + time);
}

void Run::freeze(Moment until) {
  was_disturbed_ = true;
  process_->stopped_until = std::max(process_->stopped_until, until);
  frozen(until);
}

void Run::crash() {
  if (lives()) {
    kill(true);
  } else if (!process_->alive && runs()) {
    killed(true);
  } else if (over_ && process_->alive &&
             stage_.world.now() - ended_ <= stage_.share_knobs.b + stage_.share_knobs.w) {
    stage_.monitor.dies(who_);  // its release may not have been sent
  }
  process_->alive = false;
  process_->killed.reset();
}

}  // namespace ufl::sim

// SPDX-License-Identifier: MIT
//
// The contenders of a history: ufl, made of the shipped claim, release and driver; and programs
// that follow the five steps of the original UUID lock protocol.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/claim.hpp"
#include "protocol/driver.hpp"
#include "protocol/release.hpp"
#include "seams/clock.hpp"
#include "seams/no_command.hpp"
#include "seams/timer.hpp"
#include "sim/client.hpp"
#include "sim/identity.hpp"
#include "sim/monitor.hpp"
#include "sim/notifier.hpp"
#include "sim/process.hpp"
#include "sim/recorder.hpp"
#include "sim/session_player.hpp"
#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

class Mutant;

/// What contenders do. Probabilities are per mille.
struct ContenderKnobs {
  Duration delay{};
  bool local = false;
  Duration retry{};
  bool retry_grows = false;
  Duration late_hold = std::chrono::seconds{35};
  int rounds = 3;  ///< how often each wants the lock
  Duration shortest_hold{};
  Duration longest_hold{};
  Duration longest_pause{};  ///< between two rounds
  unsigned impatient = 0;    ///< claims with a timeout
  unsigned cancelled = 0;    ///< claims that a signal ends
  unsigned late_timer = 0;   ///< timers that fire late: stopped, suspended
  Duration longest_late_timer{};
  unsigned crash = 0;              ///< rounds in which the host dies
  unsigned power_cut = 0;          ///< deaths that empty the file that the host has made
  unsigned reboot = 0;             ///< deaths after which the host comes back
  unsigned release_elsewhere = 0;  ///< holds that another process releases
  Duration break_delay{};          ///< of one who breaks a lock
  Duration takeover_delay = std::chrono::seconds{1};  ///< the least that it may be
  const Mutant* mutant = nullptr;
};

/// What every claim of ufl has from these knobs.
[[nodiscard]] ClaimOptions claim_of(const ContenderKnobs& knobs, const ShareKnobs& share);

/// The clock of one host: right in its speed, and in nothing else.
class SimClock final : public Clock {
 public:
  SimClock(World& world, Duration offset) : world_{world}, offset_{offset} {}

  [[nodiscard]] Mono now() const override { return Mono{world_.now() + offset_}; }
  [[nodiscard]] Wall wall() const override;  // jumps

  /// The true time of `when`.
  [[nodiscard]] Moment moment(Mono when) const { return when.time_since_epoch() - offset_; }

  /// A broken clock: goes on by less, or more, than the time that passed. Only mutants do that.
  void skip(Duration time) { offset_ += time; }

 private:
  World& world_;
  Duration offset_;
};

/// The timer of one process.
class SimTimer final : public Timer {
 public:
  SimTimer(World& world, const SimClock& clock, const ContenderKnobs& knobs,
           std::shared_ptr<const Process> process)
      : world_{world}, clock_{clock}, knobs_{knobs}, process_{std::move(process)} {}

  void at(Mono when, std::function<void()> handler) override;
  void cancel_timer() override { ++generation_; }

 private:
  World& world_;
  const SimClock& clock_;
  const ContenderKnobs& knobs_;
  std::shared_ptr<const Process> process_;
  std::uint64_t generation_ = 0;
};

/// What a contender meets.
struct Surroundings {
  World& world;
  Share& share;
  Monitor& monitor;
  const ShareKnobs& share_knobs;
  const ContenderKnobs& knobs;
};

/// Somebody who wants the lock a few times.
class Contender {
 public:
  Contender(const Surroundings& around, int who, const ShareKnobs& share_knobs);
  Contender(const Contender&) = delete;
  Contender& operator=(const Contender&) = delete;
  virtual ~Contender() = default;

  void start();

  /// All rounds are over, or the host is dead.
  [[nodiscard]] virtual bool done() const { return dead() || (rounds_left_ == 0 && !busy_); }
  [[nodiscard]] bool dead() const { return !process_->alive; }

 protected:
  /// For how long the lock is held this time.
  Duration hold_time();
  /// Begin a round.
  virtual void round() = 0;
  /// The round is over; the next one begins after a pause.
  void next();
  void die();
  /// After `time`, unless the host has died.
  void after(Duration time, World::Action action);

  const Surroundings& around_;
  World& world_;
  Monitor& monitor_;
  const ContenderKnobs& knobs_;
  int who_;
  std::shared_ptr<Process> process_ = std::make_shared<Process>();
  Client client_;

 private:
  int rounds_left_;
  bool busy_ = false;
};

/// Processes of ufl, one after another, all on one host, each with its session.
class UflProcess : public Contender {
 protected:
  /// `uptime`: what the clock of the host shows now.
  UflProcess(const Surroundings& around, int who, Duration uptime);
  ~UflProcess() override;

  /// A claim of a contender that waits for the lock.
  [[nodiscard]] ClaimOptions claim_options() const;
  [[nodiscard]] ReleaseOptions release_options(std::string token, Duration delay) const;
  /// Make a session. start() is left to the caller.
  void make_session(ClaimOptions claim);
  [[nodiscard]] Session& session() { return player_->session(); }
  [[nodiscard]] const ClaimResult& claimed() { return session().claim().result(); }
  /// The session holds the lock, and lets it go.
  void let_go();

  SimClock clock_;
  SimIdentity identity_;
  SimTimer timer_;
  SimTimer unused_timer_;
  NoCommand no_command_;
  SimNotifier notifier_;
  std::unique_ptr<SessionPlayer> player_;
};

/// ufl, from claim to release.
class UflContender final : public UflProcess {
 public:
  UflContender(const Surroundings& around, int who, Duration uptime);
  ~UflContender() override;

 private:
  void round() override;
  void acquired();
  void session_ended();
  void not_acquired(const ClaimResult& result);
  void release_elsewhere();
  void release();

  int round_number_ = 0;
  bool holds_ = false;
  // Other processes that release.
  struct Elsewhere;
  std::vector<std::unique_ptr<Elsewhere>> elsewhere_;
};

/// The five steps: exists? -> open for writing, truncating, not exclusive -> write -> delay ->
/// read -> compare. Release: exists, read, compare, remove.
class FiveSteps final : public Contender {
 public:
  FiveSteps(const Surroundings& around, int who);

 private:
  void round() override;
  void look();
  void write();
  void verify();
  void release();
  void remove_if_mine();

  int claims_ = 0;
  std::string token_;
};

}  // namespace ufl::sim

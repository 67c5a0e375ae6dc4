// SPDX-License-Identifier: MIT
//
// One use of ufl in a history about recovery: a process on a host, its command, and what the verbs
// do around the machines of the protocol (src/verbs/run.cpp, keeping.cpp, acquire.cpp,
// refresh.cpp).

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "protocol/claim.hpp"
#include "protocol/driver.hpp"
#include "protocol/judge.hpp"
#include "protocol/keep.hpp"
#include "protocol/refresh.hpp"
#include "protocol/release.hpp"
#include "sim/client.hpp"
#include "sim/contender.hpp"
#include "sim/host.hpp"
#include "sim/recorder.hpp"
#include "sim/recovery_knobs.hpp"

namespace ufl::sim {

/// What a run meets.
struct Stage {
  World& world;
  Share& share;
  Monitor& monitor;
  const ShareKnobs& share_knobs;
  const ContenderKnobs& knobs;
  const RecoveryKnobs& recovery;
  Memory* one_memory = nullptr;  ///< of all hosts, if that is the flaw
};

/// One process of ufl, with its command; or a script that holds the lock by --acquire.
class Run {
 public:
  enum class Kind {
    plain,   ///< ufl LOCKFILE COMMAND
    leased,  ///< the same with --lease and --on-lost kill
    script,  ///< --acquire --lease, --refresh now and then, --release
    bound,   ///< --acquire --pid, --release
    newer,   ///< the same without --pid, by a ufl whose records this one does not know
  };
  /// `on_ended`: it is over for whoever has started it; had it acquired the lock?
  Run(const Stage& stage, Host& host, int who, Kind kind, bool once,
      std::function<void(bool acquired)> on_ended);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  virtual ~Run();

  virtual void start();

  /// SIGKILL of its process; `both`: and of all that it has started.
  void kill(bool both);
  /// Its process is stopped for `time`.
  void stop(Duration time);
  /// Its host sleeps until `when`: everything of it stands still.
  void freeze(Moment until);
  /// Its host loses its power.
  void crash();

  [[nodiscard]] const Host& host() const { return host_; }
  /// Something of it runs.
  [[nodiscard]] bool lives() const;
  [[nodiscard]] int who() const { return who_; }
  /// It has a command, and sees to its lock file all the time: nothing holds it up.
  [[nodiscard]] virtual bool keeps_watch() const { return false; }
  /// It runs a command, or will: a program that empties its file is then noticed.
  [[nodiscard]] bool has_command() const { return kind_ == Kind::plain || kind_ == Kind::leased; }

 protected:
  [[nodiscard]] bool has_lease() const { return kind_ == Kind::leased || kind_ == Kind::script; }
  [[nodiscard]] bool flawed(RecoveryFlaw flaw) const { return stage_.recovery.flaw == flaw; }
  [[nodiscard]] Mono now() const { return clock_.now(); }
  void after(Duration time, World::Action action);
  void tell(const std::string& text) const { stage_.world.tell(who_, text); }

  [[nodiscard]] ClaimOptions claim_options();
  bool may_take_over(const Sighting& seen, bool is_abandoned);
  /// What it takes that for, with its flaw.
  [[nodiscard]] Sighting as_judged(Sighting seen);
  void drive(Machine& machine, DriverEvents events);
  // Much as verbs/taking.cpp does.
  void claim_waits();
  void watch(const ProcessId& process);
  void holder_ended();
  void claim_ended();
  virtual void acquired() = 0;
  [[nodiscard]] ReleaseOptions release_options() const;
  void release(std::optional<Mono> until);
  void release_ended();
  virtual void killed(bool both) = 0;
  /// What it has started runs.
  [[nodiscard]] virtual bool runs() const { return false; }
  virtual void frozen(Moment /*until*/) {}
  /// For how long it may be stopped, of `time`.
  [[nodiscard]] virtual Duration longest_stop(Duration time) { return time; }
  /// Its user is told that the lock is left to others; without cause, if nothing held it up.
  void gives_up(const std::string& token);
  /// For how long the lock is held this time.
  Duration hold_time();
  /// Nothing of it runs any more, and its process was killed.
  void dead_for_good();
  void end(bool acquired);

  Stage stage_;
  Host& host_;
  int who_;
  Kind kind_;
  bool once_;
  std::function<void(bool)> on_ended_;
  std::shared_ptr<Process> process_ = std::make_shared<Process>();
  ProcessId id_;
  SimClock clock_;
  SimTimer timer_;
  HostedIdentity identity_;
  Judge judge_;
  Client client_;
  std::unique_ptr<Claim> claim_;
  std::unique_ptr<Release> release_;
  std::unique_ptr<Machine> double_;  // a mutant's, before the machine
  std::optional<Recorder> recorder_;
  std::unique_ptr<Driver> driver_;
  std::optional<ProcessId> watched_;  // whose end it is told of
  bool claim_is_over_ = false;
  bool was_disturbed_ = false;  // stopped, or asleep
  bool over_ = false;
  Moment ended_{};
};

/// ufl LOCKFILE COMMAND.
class CommandRun final : public Run {
 public:
  CommandRun(const Stage& stage, Host& host, int who, Kind kind, bool once,
             std::function<void(bool acquired)> on_ended);

 private:
  void acquired() override;
  void killed(bool both) override;
  [[nodiscard]] bool keeps_watch() const override;
  void frozen(Moment until) override;
  Duration longest_stop(Duration time) override;

  // What verbs/keeping.cpp does.
  void keep();
  void watch();
  void look_soon();
  void await_deadline();
  void await_term();
  void term_ends();
  void keep_waits();
  void keep_ended();
  void lose();
  void refuse();
  void command_ended();
  void done();
  void leave();

  // The command.
  void go();
  void child_ends();
  void orphans_end();
  void end_command();
  void drop_lifeline();
  [[nodiscard]] bool runs() const override { return child_runs_ || orphans_run_; }
  [[nodiscard]] bool is_lease_over() const;
  [[nodiscard]] std::optional<Mono> release_until() const;

  SimTimer deadline_;
  std::unique_ptr<Keep> keep_;
  std::shared_ptr<Process> command_ = std::make_shared<Process>();
  std::shared_ptr<Process> warden_ = std::make_shared<Process>();
  ProcessId child_;
  std::string lifeline_;  // that the command keeps
  Kept kept_;             // and the lock file, or who waits for it does
  bool closes_ = false;
  bool leaves_orphans_ = false;
  bool child_runs_ = false;
  bool orphans_run_ = false;
  bool held_ = false;
  bool recorded_ = false;
  bool keep_ended_ = false;
  bool command_ended_ = false;
  bool lost_ = false;
  bool fencing_ = false;
  bool term_over_ = false;  // by the warden
  bool done_ = false;
};

/// A script that holds the lock by --acquire, and works only while it knows that it does.
class ScriptRun final : public Run {
 public:
  ScriptRun(const Stage& stage, Host& host, int who, Kind kind, bool once,
            std::function<void(bool acquired)> on_ended);

 private:
  void acquired() override;
  void killed(bool both) override;
  void work(Mono until);
  void rest();
  void refresh();
  void refresh_ended();
  void refresh_failed();
  void let_go();
  void start_refresh(std::function<void()> on_ended);

  std::unique_ptr<Refresh> refresh_;
  std::optional<Mono> last_;  // start of the last refresh
  int refreshes_ = 0;
  bool works_ = false;
};

}  // namespace ufl::sim

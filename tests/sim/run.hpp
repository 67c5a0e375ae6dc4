// SPDX-License-Identifier: MIT
//
// One use of ufl in a history about recovery: a process on a host, its command, and what the verbs
// do around the machines of the protocol (src/verbs/run.cpp, acquire.cpp, refresh.cpp).

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "protocol/driver.hpp"
#include "protocol/judge.hpp"
#include "protocol/refresh.hpp"
#include "protocol/release.hpp"
#include "protocol/session.hpp"
#include "protocol/token_release.hpp"
#include "sim/client.hpp"
#include "sim/command.hpp"
#include "sim/contender.hpp"
#include "sim/host.hpp"
#include "sim/notifier.hpp"
#include "sim/recorder.hpp"
#include "sim/recovery_knobs.hpp"
#include "sim/session_player.hpp"

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
  /// It notices changes of its file as soon as can be: on a local disk, when the kernel tells.
  [[nodiscard]] bool is_told() { return !stage_.knobs.local || !notifier_.refuses_changes(); }
  /// It has a command, and sees to its lock file all the time: nothing holds it up.
  [[nodiscard]] virtual bool keeps_watch() { return false; }
  /// It runs a command, or will: a program that empties its file is then noticed.
  [[nodiscard]] bool has_command() const { return kind_ == Kind::plain || kind_ == Kind::leased; }

 protected:
  [[nodiscard]] bool has_lease() const { return kind_ == Kind::leased || kind_ == Kind::script; }
  [[nodiscard]] bool flawed(RecoveryFlaw flaw) const { return stage_.recovery.flaw == flaw; }
  [[nodiscard]] Mono now() const { return clock_.now(); }
  void after(Duration time, World::Action action);
  void tell(const std::string& text) const { stage_.world.tell(who_, text); }

  [[nodiscard]] Session& session() { return player_->session(); }
  [[nodiscard]] const Session& session() const { return player_->session(); }
  [[nodiscard]] const ClaimResult& claimed() const { return session().claim().result(); }
  [[nodiscard]] const std::string& token() const { return claimed().token; }

  [[nodiscard]] ClaimOptions claim_options();
  bool may_take_over(const Sighting& seen, bool is_abandoned);
  /// What it takes that for, with its flaw.
  [[nodiscard]] Sighting as_judged(Sighting seen);
  /// What its session asks of the world, and what it is told of it.
  [[nodiscard]] virtual CommandControl& command() { return no_command_; }
  [[nodiscard]] virtual SessionEvents session_events();
  /// Its session holds the lock.
  virtual Step acquired() = 0;
  void session_ended();
  void not_acquired();
  /// Its session has handed the lock over.
  virtual void handed_over() {}
  void release_ended(ReleaseResult::Outcome outcome);
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
  SimTimer deadline_;
  SimTimer settling_;
  HostedIdentity identity_;
  Judge judge_;
  Client client_;
  NoCommand no_command_;
  SimNotifier notifier_;
  std::unique_ptr<SessionPlayer> player_;
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
  CommandControl& command() override { return command_; }
  SessionEvents session_events() override;
  Step acquired() override;
  void killed(bool both) override { command_.ufl_killed(both, last_moment()); }
  [[nodiscard]] bool keeps_watch() override;
  void frozen(Moment until) override { command_.freeze(until); }
  Duration longest_stop(Duration time) override;

  void lost();
  void begins();
  void command_ended();
  [[nodiscard]] std::optional<Mono> last_moment() const;
  [[nodiscard]] bool runs() const override { return command_.is_alive(); }

  SimCommand command_;
  bool held_ = false;  // the lock, as others count that
};

/// A script that holds the lock by --acquire, and works only while it knows that it does.
class ScriptRun final : public Run {
 public:
  ScriptRun(const Stage& stage, Host& host, int who, Kind kind, bool once,
            std::function<void(bool acquired)> on_ended);

 private:
  Step acquired() override { return session().hand_over(); }
  void handed_over() override;
  void killed(bool both) override;
  void work(Mono until);
  void rest();
  void refresh();
  void refresh_ended();
  void refresh_failed(RefreshResult::Outcome outcome);
  void let_go();
  void let_go_ended();
  [[nodiscard]] ReleaseOptions release_options() const;
  [[nodiscard]] std::optional<Mono> last_known();
  [[nodiscard]] Duration takeover_delay() const;
  void drive(Machine& machine, std::function<void()> on_ended);

  // Other processes of ufl, one after another.
  std::unique_ptr<Refresh> refresh_;
  std::unique_ptr<TokenRelease> token_release_;
  std::optional<Recorder> recorder_;
  std::unique_ptr<Driver> driver_;
  std::optional<Mono> last_;  // start of the last refresh
  int refreshes_ = 0;
  bool works_ = false;
};

}  // namespace ufl::sim

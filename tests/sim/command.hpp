// SPDX-License-Identifier: MIT
//
// A simulated command, with what it starts, and the warden that watches over it: all that ufl
// commands by its seam, and all that may befall it.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "seams/command_control.hpp"
#include "seams/identity.hpp"
#include "sim/client.hpp"
#include "sim/contender.hpp"
#include "sim/host.hpp"
#include "sim/process.hpp"
#include "sim/recovery_knobs.hpp"

namespace ufl::sim {

/// The command of one run.
class SimCommand final : public CommandControl {
 public:
  /// Where it runs, and what for.
  struct Setting {
    World& world;
    Host& host;
    Monitor& monitor;
    const ContenderKnobs& knobs;
    const RecoveryKnobs& recovery;
    int who;         ///< the contender whose command it is
    bool has_lease;  ///< and its lock has a lease
  };
  struct Events {
    std::function<void()> on_begin;    ///< it begins to run
    std::function<void()> on_ended;    ///< ufl has waited for it
    std::function<void()> on_stopped;  ///< ufl, that told it to stop, has waited for it
    std::function<void()> on_gone;     ///< nothing of it runs, and ufl was killed
  };

  /// `ufl`: the process that starts it; `clock`: what its warden goes by, too.
  SimCommand(const Setting& setting, std::shared_ptr<const Process> ufl, const SimClock& clock,
             Events events);

  /// Its process waits; it inherits the lifeline, and the lock file that ufl keeps.
  [[nodiscard]] ProcessId prepare(const std::string& lifeline, const Kept& kept);

  /// It runs before it was started: only mutants do that.
  void start_early() { run(); }

  bool begin_term(Mono stop_at, Mono kill_at) override;
  bool raise_term(Mono stop_at, Mono kill_at) override;
  bool conclude_term() override;
  void dismiss_term() override { is_dismissed_ = true; }
  bool start() override;
  void abandon() override;
  void stop(Mono kill_at) override;
  bool has_ended() override { return !runs_; }

  /// ufl was killed; it has to be gone by `last_at`, if its lock has a lease. `both`: it was, too.
  void ufl_killed(bool both, std::optional<Mono> last_at);
  /// Its host sleeps until then.
  void freeze(Moment until);
  /// ufl is stopped for `time`: for how long may that last? The warden continues it.
  [[nodiscard]] Duration longest_stop(Duration time);

  /// It runs, or something that it has started.
  [[nodiscard]] bool is_alive() const { return runs_ || orphans_run_; }

 private:
  [[nodiscard]] bool flawed(RecoveryFlaw flaw) const { return setting_.recovery.flaw == flaw; }
  [[nodiscard]] Moment in_time(Mono when) const;
  void await_term();
  void term_ends();
  void await_kill();
  void run();
  void ends();
  void orphans_end();
  void end_all();
  void drop_lifeline();

  Setting setting_;
  std::shared_ptr<const Process> ufl_;
  const SimClock& clock_;
  Events events_;
  SimTimer stopping_;
  std::shared_ptr<Process> process_ = std::make_shared<Process>();
  std::shared_ptr<Process> warden_ = std::make_shared<Process>();
  ProcessId id_;
  std::string lifeline_;  // that it keeps
  Kept kept_;             // and the lock file, or a ufl that waits for it does
  bool closes_ = false;
  bool leaves_orphans_ = false;
  bool has_started_ = false;
  bool runs_ = false;
  bool orphans_run_ = false;
  std::optional<Mono> stop_at_;  // of the term
  Mono kill_at_{};
  bool term_is_over_ = false;
  bool is_dismissed_ = false;
  bool is_stopping_ = false;
};

}  // namespace ufl::sim

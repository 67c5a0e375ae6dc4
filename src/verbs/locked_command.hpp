// SPDX-License-Identifier: MIT
//
// The command of `ufl LOCKFILE COMMAND…`: its process, the signals that are passed on to it, the
// warden that watches over it under a lease, and what stops it when its lock is lost.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "process/child.hpp"
#include "process/command.hpp"
#include "process/event_loop.hpp"
#include "process/process_tree.hpp"
#include "process/signal_relay.hpp"
#include "process/warden.hpp"
#include "seams/command_control.hpp"
#include "seams/timer.hpp"
#include "sys/executable.hpp"
#include "verbs/command_stopper.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// One command, as the session of its lock controls it.
class LockedCommand final : public CommandControl {
 public:
  struct Events {
    /// The command is about to run: has nothing come up that keeps it from that?
    std::function<bool()> may_run;
    /// It has ended, and was waited for.
    std::function<void(const CommandEnd& end)> on_ended;
    /// Nothing of it runs that could be stopped, after stop(); `survivors`: what does all the same.
    std::function<void(const std::vector<std::int64_t>& survivors)> on_stopped;
    /// Something has happened under a lease, whatever it is: Session::wake().
    std::function<void()> on_wake;
  };

  /// Throws std::system_error when the kernel gives no timer or descriptor.
  LockedCommand(const Options& options, const World& world, EventLoop& loop, Events events);

  /// The processes that ended commands of others leave to us are waited for, from now on.
  void reap_orphans();

  /// Look the executable up. Returns 0, or the errno value.
  [[nodiscard]] int find();

  /// Make the process of the command, which waits, for the lock that `token` holds on the file at
  /// `path`. Returns 0, or the errno value.
  [[nodiscard]] int prepare(const std::string& path, const std::string& token);
  [[nodiscard]] ProcessId id() const { return child_.id(); }

  /// ufl got a signal while the command runs.
  void got_signal(const SignalEvent& event);
  /// Has ufl got this one while the command ran?
  [[nodiscard]] bool has_received(int signal_number) const {
    return received_.contains(signal_number);
  }

  /// It survived its end: let it run on, and forget it.
  void leave() { child_.leave(); }

  [[nodiscard]] const std::string& name() const { return command_.arguments.front(); }
  /// The errno value that find() has returned last.
  [[nodiscard]] int find_error() const { return executable_.error; }
  /// Why begin_term() has failed: the errno value.
  [[nodiscard]] int term_error() const { return term_error_; }
  [[nodiscard]] bool is_running() const { return is_running_; }

  bool begin_term(Mono stop_at, Mono kill_at) override;
  bool raise_term(Mono stop_at, Mono kill_at) override;
  bool conclude_term() override { return warden_.conclude(); }
  void dismiss_term() override;
  bool start() override;
  void abandon() override { child_.abandon(); }
  void stop(Mono kill_at) override;
  bool has_ended() override { return tree_ && tree_->command_has_ended(); }

 private:
  [[nodiscard]] bool is_helper(std::int64_t pid) const;
  [[nodiscard]] int make_tree();
  void reap();
  void ended(const CommandEnd& end);

  const Options& options_;
  const World& world_;
  EventLoop& loop_;
  Events events_;
  Command command_;
  Executable executable_;
  std::unique_ptr<Timer> relaying_;
  std::unique_ptr<Timer> reaping_;      // and stopping
  std::optional<ProcessTree> tree_;     // if it is stopped when the lock is lost
  std::optional<ProcessTree> orphans_;  // if others' become ours
  Child child_;
  SignalRelay relay_;
  Warden warden_;
  std::optional<CommandStopper> stopper_;
  std::unique_ptr<Watch> ends_;
  std::string token_;
  std::set<int> received_;
  int term_error_ = 0;
  bool is_running_ = false;
};

/// The command line that `options` ask to run.
[[nodiscard]] Command command_of(const Options& options);

}  // namespace ufl

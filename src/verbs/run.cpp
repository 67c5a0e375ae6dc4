// SPDX-License-Identifier: MIT

#include "verbs/run.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "process/child.hpp"
#include "process/process_tree.hpp"
#include "protocol/session.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "report/text.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "verbs/leasing.hpp"
#include "verbs/lock_session.hpp"
#include "verbs/locked_command.hpp"
#include "verbs/placing.hpp"
#include "verbs/session_options.hpp"
#include "verbs/verb_loop.hpp"

namespace ufl {

namespace {

/// The command line for the record: as typed for -c, else quoted.
std::string command_text(const Options& options) {
  const bool as_typed = options.shell_string && is_printable(*options.shell_string);
  if (as_typed) return shorten(*options.shell_string, kCommandLimit);
  const auto words =
      options.shell_string ? std::vector<std::string>{*options.shell_string} : options.command;
  return shorten(shell_quote(words), kCommandLimit);
}

SessionOptions session_of(const Options& options, const MountTraits& mount, const World& world) {
  SessionOptions session = waiting_session_options(options, mount, world);
  if (options.record_command) session.claim.holder.command = command_text(options);
  return session;
}

/// One run: a session of a lock, and a command for as long as it is held.
class Run {
 public:
  Run(const Options& options, const World& world, RunReport& report)
      : options_{options},
        world_{world},
        report_{report},
        loop_{world.signals},
        path_{absolute_path(options.lock_file)},
        mount_{find_mount(path_)},
        command_{options, world, loop_.events(),
                 LockedCommand::Events{
                     .may_run = [this] { return may_run(); },
                     .on_ended = [this](const CommandEnd& end) { command_ended(end); },
                     .on_stopped = [this](const auto& survivors) { command_stopped(survivors); },
                     .on_wake = [this] { lock_.session().wake(); }}},
        lock_{options,
              world,
              loop_,
              session_of(options, mount_, world),
              command_,
              report,
              LockSession::Events{.on_looks_free = [this] { return command_.find() == 0; },
                                  .on_acquired = [this] { return run_command(); },
                                  .on_refused = [this] { command_not_found(); },
                                  .on_not_taken = [this](Ending ending) { loop_.end(ending); },
                                  .on_letting_go = [this] { letting_go(); },
                                  .on_ended = [this] { session_ended(); },
                                  .on_lost = [this](CommandFate fate) { lost(fate); }}} {}

  Ending to_the_end() {
    if (!can_be_a_lock(options_, mount_)) return {exit_status::kFailed, 0};
    if (!lease_is_possible(options_, mount_)) return {exit_status::kFailed, 0};
    require_calls_to_change(mount_.local);
    require_calls_to_run();
    if (options_.kill_on_loss) require_calls_to_stop();
    loop_.events().on_signal([this](const SignalEvent& event) { got_signal(event); });
    if (ProcessTree::has_adopted_orphans()) command_.reap_orphans();
    lock_.start();
    return loop_.run();
  }

 private:
  void got_signal(const SignalEvent& event) {
    if (lock_.session().stage() == Session::Stage::releasing) return;
    command_.is_running() ? command_.got_signal(event) : lock_.got_signal(event.number);
  }

  // The executable was looked up late: the other holder may be just building it. And before the
  // claim: for a command that is not there no lock is taken.
  void command_not_found() {
    cannot_run(command_.find_error());
    loop_.end(ending_);
  }

  // Between prepare() and start(): of a signal to the group that is not read here, the command has
  // got its own. So a Ctrl-C ends either this start or the command.
  Step run_command() {
    Session& session = lock_.session();
    const int error = command_.prepare(path_, lock_.claimed().token);
    if (error != 0) {
      cannot_spawn(error);
      return session.let_go();
    }
    Step step = session.keep(command_.id());
    if (!session.holding()) cannot_spawn(command_.term_error());
    return step;
  }

  bool may_run() {
    loop_.events().poll_signals();
    const int signal = lock_.fatal_signal();
    if (signal == 0) return true;
    report_.kind = RunReport::Kind::interrupted;
    report_.signal = signal;
    ending_ = ending_of_signal(signal);
    return false;
  }

  void cannot_spawn(int error) {
    say(spawn_failure_text(options_.lock_file, error));
    fail();
  }

  void fail() {
    report_.kind = RunReport::Kind::failed;
    ending_ = {exit_status::kFailed, 0};
  }

  void cannot_run(int error) {
    const bool found = command_.find_error() == 0;
    report_.kind = RunReport::Kind::failed;
    say(exec_failure_text(options_.lock_file, command_.name(), error, found,
                          options_.shell_string.has_value()));
    ending_ = {status_of_exec_error(error), 0};
  }

  void command_ended(const CommandEnd& end) {
    if (end.exec_error != 0) {
      cannot_run(end.exec_error);
    } else {
      // If ufl got the signal as well, it dies of it, too: a shell stops a loop on Ctrl-C only if
      // what it ran was killed by it.
      const bool shared = end.signal != 0 && command_.has_received(end.signal);
      ending_ = {end.status, shared ? end.signal : 0};
      report_.signal = end.signal;
      if (end.signal == 0) report_.exit = end.status;
    }
    lock_.session().holding()->command_ended();
  }

  void command_stopped(const std::vector<std::int64_t>& survivors) {
    if (!unsaid_.empty()) say_rest(unsaid_);
    if (!survivors.empty()) say(survivors_text(options_.lock_file, survivors));
    lock_.session().holding()->command_stopped();
  }

  // While the command is being stopped, nobody is waited for who does not listen.
  void lost(CommandFate fate) {
    const std::string text = loss_text(fate);
    if (fate == CommandFate::stopped) {
      unsaid_ = say_at_once(text);
    } else {
      say(text);
    }
  }

  // In words, as it is now.
  [[nodiscard]] std::string loss_text(CommandFate fate) const {
    const Session& session = lock_.session();
    const KeepResult& kept = session.holding()->kept();
    if (session.loss() == CriticalSection::Loss::lease_over) {
      return lease_over_text(options_.lock_file, *options_.lease, kept.failure, fate);
    }
    if (kept.not_restored) return not_restored_text(options_.lock_file, *kept.failure, fate);
    return lost_while_running_text(options_.lock_file, kept.seen, fate, world_.clock.wall());
  }

  void letting_go() {
    const Session& session = lock_.session();
    if (session.is_too_slow()) return fail();
    if (!session.holding()) return;
    const KeepResult& kept = session.holding()->kept();
    const CriticalSection& section = session.holding()->section();
    if (section.has_stopped_command()) command_.leave();  // if it survived that
    if (kept.outcome == KeepResult::Outcome::not_recorded) {
      say(cannot_record_text(options_.lock_file, kept.failure.value_or(Failure{})));
      fail();
    } else if (section.loss() != CriticalSection::Loss::none) {
      const bool had_no_end = section.has_stopped_command() || !section.has_started();
      if (had_no_end) ending_ = {exit_status::kLost, 0};
      if (ending_.status == 0) ending_.status = exit_status::kLost;
    }
  }

  void session_ended() {
    const Session& session = lock_.session();
    const bool knew_it = session.loss() != CriticalSection::Loss::none;
    if (!session.release()) report_.released = false;
    if (knew_it) {
      note_loss(session.holding()->kept().seen);
    } else if (session.release()) {
      say_what_came_of_it(session.release()->result());
    }
    if (session.release() && *report_.released) lock_.say_released();
    loop_.end(ending_);
  }

  void note_loss(const Sighting& to) {
    report_.kind = RunReport::Kind::lost;
    if (to.kind != Sighting::Kind::none) report_.holder = to;
  }

  void say_what_came_of_it(const ReleaseResult& result) {
    using Outcome = ReleaseResult::Outcome;
    if (result.outcome == Outcome::lost) {
      say(lost_text(options_.lock_file, result.seen, world_.clock.wall()));
      if (ending_.status == 0) ending_.status = exit_status::kLost;
    } else if (result.outcome == Outcome::failed) {
      say(release_failure_text(options_.lock_file, lock_.claimed().token, result.failure));
    } else if (result.outcome == Outcome::too_late) {
      say(left_to_lease_text(options_.lock_file, *options_.lease));
    }
  }

  const Options& options_;
  const World& world_;
  RunReport& report_;
  VerbLoop loop_;
  std::string path_;
  MountTraits mount_;
  LockedCommand command_;
  LockSession lock_;
  Ending ending_;
  std::string unsaid_;  // what stderr did not take at once
};

}  // namespace

Ending run(const Options& options, const World& world, RunReport& report) {
  return Run{options, world, report}.to_the_end();
}

}  // namespace ufl

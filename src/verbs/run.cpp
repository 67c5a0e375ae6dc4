// SPDX-License-Identifier: MIT

#include "verbs/run.hpp"

#include <cstdlib>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "process/child.hpp"
#include "process/command.hpp"
#include "process/event_loop.hpp"
#include "process/signal_policy.hpp"
#include "process/signal_relay.hpp"
#include "protocol/claim.hpp"
#include "protocol/driver.hpp"
#include "protocol/hold.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/say.hpp"
#include "report/text.hpp"
#include "sys/mount_table.hpp"
#include "sys/path.hpp"
#include "verbs/waiting_log.hpp"

namespace ufl {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Command command_of(const Options& options) {
  return options.shell_string ? shell_command(*options.shell_string) : Command{options.command};
}

/// The command line for the record: as typed for -c, else quoted.
std::string command_text(const Options& options) {
  const bool as_typed = options.shell_string && is_printable(*options.shell_string);
  if (as_typed) return shorten(*options.shell_string, kCommandLimit);
  const auto words =
      options.shell_string ? std::vector<std::string>{*options.shell_string} : options.command;
  return shorten(shell_quote(words), kCommandLimit);
}

ClaimOptions claim_options(const Options& options, const MountTraits& mount) {
  ClaimOptions claim;
  claim.path = options.lock_file;
  claim.prefix = options.prefix;
  if (options.record_command) claim.command = command_text(options);
  claim.enclosing_token = environment("UFL_TOKEN");
  claim.delay = options.delay.value_or(mount.delay);
  claim.delay_is_auto = !options.delay;
  claim.retry = options.retry.value_or(kDefaultRetry);
  claim.retry_grows = !mount.local && !options.retry;
  claim.timeout = options.timeout;
  claim.local = mount.local;
  claim.atomic_create = mount.atomic_create;
  return claim;
}

/// One run: a claim, then a command, then a release, each begun by the end of the one before.
class Run {
 public:
  Run(const Options& options, const World& world)
      : options_{options},
        world_{world},
        loop_{world.signals},
        path_{absolute_path(options.lock_file)},
        mount_{find_mount(path_)},
        command_{command_of(options)},
        claim_{claim_options(options, mount_), world.clock, world.identity},
        claim_driver_{claim_,
                      world.files,
                      loop_,
                      {[this] { return find_command(); }, [this] { claim_waits(); },
                       [this] { claim_ended(); }}},
        child_{loop_, world.signals, world.closed_fds},
        relay_{loop_, child_, world.title, world.clock},
        log_{options.lock_file, options.verbosity, world.clock} {}

  Ending to_the_end() {
    loop_.on_signal([this](const SignalEvent& event) { got_signal(event); });
    claim_driver_.start();
    if (!ended_) loop_.run();
    return ending_;
  }

 private:
  enum class Phase { claiming, running, releasing };

  void got_signal(const SignalEvent& event) {
    if (phase_ == Phase::claiming) {
      if (!ends_a_wait(event.number) || fatal_signal_ != 0) return;
      fatal_signal_ = event.number;
      claim_driver_.cancel();
    } else if (phase_ == Phase::running) {
      received_.insert(event.number);
      relay_.relay(event);
    }
  }

  // Looked up late: the other holder may be just building it. And before the claim: for a command
  // that is not there no lock is taken.
  bool find_command() {
    executable_ = find_executable(command_.arguments.front());
    return executable_.error == 0;
  }

  void claim_waits() {
    log_.waiting(claim_.waiting_for_other(), claim_.seen());
    // Half a minute that looks like a hang, and a delay that is too short.
    if (claim_.late() && !std::exchange(told_late_, true)) {
      say(late_claim_text(options_.lock_file, claim_.late_hold() + claim_.delay()));
    }
  }

  void claim_ended() {
    const ClaimResult& result = claim_.result();
    if (result.left_behind) {
      say(left_behind_text(options_.lock_file));
    }
    using Outcome = ClaimResult::Outcome;
    switch (result.outcome) {
      case Outcome::acquired:
        log_.acquired();
        return run_command();
      case Outcome::busy:
      case Outcome::timed_out:
        if (says_busy()) {
          say(not_acquired_text(options_.lock_file,
                                result.outcome == Outcome::busy ? std::nullopt : options_.timeout,
                                claim_.seen(), world_.clock.wall()));
        }
        return end({options_.conflict_exit_code, 0});
      case Outcome::already_held:
        say(already_held_text(options_.lock_file));
        return end({exit_status::kFailed, 0});
      case Outcome::cancelled:
        if (fatal_signal_ != 0) return end({128 + fatal_signal_, fatal_signal_});
        cannot_run(executable_.error);
        return end(ending_);
      case Outcome::failed:
        say(failure_text(options_.lock_file, result.failed_operation, result.failure));
        return end({exit_status::kFailed, 0});
    }
  }

  // "-E 0" means: skip quietly.
  [[nodiscard]] bool says_busy() const {
    const bool skip = options_.conflict_exit_code == exit_status::kOk;
    return options_.verbosity == Verbosity::verbose ||
           (options_.verbosity == Verbosity::normal && !skip);
  }

  // Known race, not closed: a Ctrl-C that falls between poll_signals() and the fork,
  //   1 nothing is pending
  //   2 the terminal signals the group: ufl has it, the command is not there yet
  //   3 fork
  //   4 ufl reads the signal and takes it for one that the command got, too
  // is lost, and Ctrl-C must be typed again. The window is some microseconds.
  void run_command() {
    ::setenv("UFL_LOCKFILE", path_.c_str(), 1);
    ::setenv("UFL_TOKEN", claim_.result().token.c_str(), 1);
    loop_.poll_signals();
    if (fatal_signal_ != 0) {
      ending_ = {128 + fatal_signal_, fatal_signal_};
      return release();
    }
    phase_ = Phase::running;
    const int error = child_.spawn(command_, executable_.path,
                                   [this](const CommandEnd& command) { command_ended(command); });
    if (error == 0) {
      relay_.start();
    } else {
      say(spawn_failure_text(options_.lock_file, error));
      ending_ = {exit_status::kFailed, 0};
      release();
    }
  }

  void command_ended(const CommandEnd& command) {
    // A signal to the whole group may have killed the command before ufl has read its own.
    loop_.poll_signals();
    relay_.stop();
    if (command.exec_error != 0) {
      cannot_run(command.exec_error);
    } else {
      // If ufl got the signal as well, it dies of it, too: a shell stops a loop on Ctrl-C only if
      // what it ran was killed by it.
      const bool shared = command.signal != 0 && received_.contains(command.signal);
      ending_ = {command.status, shared ? command.signal : 0};
    }
    release();
  }

  void cannot_run(int error) {
    const bool found = executable_.error == 0;
    say(exec_failure_text(options_.lock_file, command_.arguments.front(), error, found,
                          options_.shell_string.has_value()));
    ending_ = {status_of_exec_error(error), 0};
  }

  void release() {
    phase_ = Phase::releasing;
    release_.emplace(ReleaseOptions{options_.lock_file, claim_.result().token, claim_.delay(),
                                    mount_.local, mount_.atomic_create, claim_.result().device, false},
                     world_.clock);
    release_driver_.emplace(*release_, world_.files, loop_,
                            DriverEvents{.on_finished = [this] { release_ended(); }});
    release_driver_->start();
  }

  void release_ended() {
    const ReleaseResult& result = release_->result();
    switch (result.outcome) {
      case ReleaseResult::Outcome::released:
      case ReleaseResult::Outcome::held:
        log_.released();
        break;
      case ReleaseResult::Outcome::lost:
        say(lost_text(options_.lock_file, result.seen, world_.clock.wall()));
        if (ending_.status == 0) ending_.status = exit_status::kLost;
        break;
      case ReleaseResult::Outcome::failed:
        say(release_failure_text(options_.lock_file, claim_.result().token, result.failure));
        break;
    }
    end(ending_);
  }

  void end(Ending ending) {
    ending_ = ending;
    ended_ = true;
    loop_.stop();
  }

  const Options& options_;
  const World& world_;
  EventLoop loop_;
  std::string path_;
  MountTraits mount_;
  Command command_;
  Executable executable_;
  Claim claim_;
  Driver claim_driver_;
  Child child_;
  SignalRelay relay_;
  WaitingLog log_;
  std::optional<Release> release_;
  std::optional<Driver> release_driver_;

  Phase phase_ = Phase::claiming;
  int fatal_signal_ = 0;    // what ended the wait for the lock
  std::set<int> received_;  // signals that came while the command ran
  Ending ending_;
  bool told_late_ = false;
  bool ended_ = false;
};

}  // namespace

Ending run(const Options& options, const World& world) {
  try {
    return Run{options, world}.to_the_end();
  } catch (const std::system_error& error) {
    say(resource_failure_text(options.lock_file, error.what(), error.code().value()));
    return {exit_status::kFailed, 0};
  }
}

}  // namespace ufl

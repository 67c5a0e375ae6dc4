// SPDX-License-Identifier: MIT

#include "verbs/run.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "process/child.hpp"
#include "process/command.hpp"
#include "process/process_tree.hpp"
#include "process/signal_relay.hpp"
#include "process/warden.hpp"
#include "protocol/release.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "report/text.hpp"
#include "sys/executable.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "verbs/keeping.hpp"
#include "verbs/leasing.hpp"
#include "verbs/placing.hpp"
#include "verbs/releasing.hpp"
#include "verbs/session.hpp"
#include "verbs/taking.hpp"

namespace ufl {

namespace {

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

/// A line for each ufl that the command runs under: an outer one must find it (process/warden.hpp).
std::string all_tokens(const std::string& token) {
  const char* const outer = std::getenv("UFL_TOKENS");
  return outer == nullptr || *outer == '\0' ? token : std::string{outer} + '\n' + token;
}

ClaimOptions claim_of(const Options& options, const MountTraits& mount, const World& world) {
  ClaimOptions claim = waiting_claim_options(options, mount, world);
  if (options.record_command) claim.command = command_text(options);
  return claim;
}

/// One run: a claim, then a command, then a release, each begun by the end of the one before.
class Run {
 public:
  Run(const Options& options, const World& world, RunReport& report)
      : options_{options},
        world_{world},
        report_{report},
        session_{world.signals},
        path_{absolute_path(options.lock_file)},
        mount_{find_mount(path_)},
        command_{command_of(options)},
        taking_{options,
                world,
                session_,
                claim_of(options, mount_, world),
                report,
                Taking::Events{.on_looks_free = [this] { return find_command(); },
                               .on_acquired = [this] { run_command(); },
                               .on_refused = [this] { command_not_found(); },
                               .on_ended = [this](Ending ending) { session_.end(ending); }}},
        child_{session_.loop(), world.signals, world.closed_fds, world.processes},
        relay_{session_.timer(), child_, world.title, world.clock},
        warden_{session_.loop(), world.processes, world.title, world.clock},
        keeping_{options, world, session_, mount_,
                 Keeping::Events{.on_recorded = [this] { start_command(); },
                                 .on_refused = [this] { refused(); },
                                 .on_done = [this] { command_done(); },
                                 .on_settled = [this] { taking_.settle(); }}},
        releasing_{world, session_.timer()} {}

  Ending to_the_end() {
    if (!can_be_a_lock(options_, mount_)) return {exit_status::kFailed, 0};
    if (!lease_is_possible(options_, mount_)) return {exit_status::kFailed, 0};
    require_calls_to_change(mount_.local);
    require_calls_to_run();
    if (options_.kill_on_loss) require_calls_to_stop();
    session_.loop().on_signal([this](const SignalEvent& event) { got_signal(event); });
    if (ProcessTree::has_adopted_orphans()) reap_orphans();
    taking_.start();
    return session_.run();
  }

 private:
  enum class Phase { claiming, running, releasing };

  void got_signal(const SignalEvent& event) {
    if (phase_ == Phase::claiming) {
      taking_.got_signal(event.number);
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

  void command_not_found() {
    cannot_run(executable_.error);
    session_.end(ending_);
  }

  // Between spawn() and go(): of a signal to the group that is not read here, the command has got
  // its own. So a Ctrl-C ends either this start or the command.
  void run_command() {
    if (!lease_fits(options_, taking_.claim().result()))
      return release_with({exit_status::kFailed, 0});
    ::setenv("UFL_LOCKFILE", path_.c_str(), 1);
    ::setenv("UFL_TOKEN", taking_.claim().result().token.c_str(), 1);
    ::setenv("UFL_TOKENS", all_tokens(taking_.claim().result().token).c_str(), 1);
    int error = options_.kill_on_loss ? make_tree() : 0;
    if (error != 0) return cannot_spawn(error);
    error =
        child_.spawn(command_, executable_.path, {.die_with_parent = options_.lease.has_value()});
    if (error != 0) return cannot_spawn(error);
    if (tree_) tree_->set_command(child_.id(), child_.pidfd());
    if (orphans_) orphans_->set_command(child_.id(), child_.pidfd());
    error = keeping_.start(taking_.claim(), child_.id(), tree_ ? &*tree_ : nullptr, warden_);
    if (error == 0) return;
    child_.abandon();
    cannot_spawn(error);
  }

  [[nodiscard]] bool is_helper(std::int64_t pid) const {
    return pid == relay_.bystander() || pid == warden_.pid();
  }

  // From now on, as they end.
  void reap_orphans() {
    orphans_.emplace(world_.processes, [this](std::int64_t pid) { return is_helper(pid); });
    ends_ = session_.loop().watch_children([this] { orphans_->reap_orphans(); });
    orphans_->reap_orphans();
  }

  // What is below us now is nothing of the command's.
  int make_tree() {
    tree_.emplace(world_.processes, [this](std::int64_t pid) { return is_helper(pid); });
    return ProcessTree::adopt_orphans();
  }

  void start_command() {
    session_.loop().poll_signals();
    if (taking_.fatal_signal() != 0) return give_up();
    phase_ = Phase::running;
    child_.go([this](const CommandEnd& command) { command_ended(command); });
    relay_.start(world_.kept_file());
  }

  void give_up() {
    child_.abandon();
    report_.kind = RunReport::Kind::interrupted;
    report_.signal = taking_.fatal_signal();
    ending_ = ending_of_signal(taking_.fatal_signal());
    keeping_.command_ended();
  }

  void refused() {
    child_.abandon();
    ending_ = {exit_status::kLost, 0};
    if (keeping_.is_lease_over()) return leave();
    if (keeping_.is_lost()) return release();
    release_with({exit_status::kFailed, 0});
  }

  void cannot_spawn(int error) {
    say(spawn_failure_text(options_.lock_file, error));
    release_with({exit_status::kFailed, 0});
  }

  void release_with(Ending ending) {
    report_.kind = RunReport::Kind::failed;
    ending_ = ending;
    release();
  }

  void command_ended(const CommandEnd& command) {
    // A signal to the whole group may have killed the command before ufl has read its own.
    session_.loop().poll_signals();
    relay_.stop();
    if (command.exec_error != 0) {
      cannot_run(command.exec_error);
    } else {
      // If ufl got the signal as well, it dies of it, too: a shell stops a loop on Ctrl-C only if
      // what it ran was killed by it.
      const bool shared = command.signal != 0 && received_.contains(command.signal);
      ending_ = {command.status, shared ? command.signal : 0};
      report_.signal = command.signal;
      if (command.signal == 0) report_.exit = command.status;
    }
    keeping_.command_ended();
  }

  // Nothing of it runs, or cannot be stopped.
  void command_done() {
    if (keeping_.has_stopped_command()) {
      child_.leave();  // if it survived that
      ending_ = {exit_status::kLost, 0};
    } else if (keeping_.is_lost() && ending_.status == 0) {
      ending_.status = exit_status::kLost;
    }
    keeping_.is_lease_over() ? leave() : release();
  }

  // The lease is over: the file is for others to take over. And the share may not answer.
  void leave() {
    taking_.letting_go();
    note_loss();
    report_.released = false;
    // Without it nobody can prove us dead; but there is the lease for that.
    forget_witness(world_, taking_.claim().result().token);
    session_.end(ending_);
  }

  void cannot_run(int error) {
    const bool found = executable_.error == 0;
    report_.kind = RunReport::Kind::failed;
    say(exec_failure_text(options_.lock_file, command_.arguments.front(), error, found,
                          options_.shell_string.has_value()));
    ending_ = {status_of_exec_error(error), 0};
  }

  void release() {
    phase_ = Phase::releasing;
    taking_.letting_go();
    ReleaseOptions release = release_options(options_, mount_, taking_.claim());
    if (keeping_.lease()) release.until = keeping_.lease()->reliable_until();
    releasing_.start(release, [this](const ReleaseResult& result) { release_ended(result); });
  }

  void release_ended(const ReleaseResult& result) {
    using Result = ReleaseResult::Outcome;
    const std::string& token = taking_.claim().result().token;
    const bool knew_it = keeping_.is_lost();
    note_release(report_, result);
    if (knew_it) note_loss();
    if (result.outcome == Result::released) {
      taking_.released();
    } else if (result.outcome == Result::lost && !knew_it) {
      say(lost_text(options_.lock_file, result.seen, world_.clock.wall()));
      if (ending_.status == 0) ending_.status = exit_status::kLost;
    } else if (result.outcome == Result::failed && !knew_it) {
      say(release_failure_text(options_.lock_file, token, result.failure));
    } else if (result.outcome == Result::too_late && !knew_it) {
      say(left_to_lease_text(options_.lock_file, *options_.lease));
    }
    forget_witness(world_, mount_, token, result);
    session_.end(ending_);
  }

  void note_loss() {
    report_.kind = RunReport::Kind::lost;
    if (keeping_.lost_to().kind != Sighting::Kind::none) report_.holder = keeping_.lost_to();
  }

  const Options& options_;
  const World& world_;
  RunReport& report_;
  Session session_;
  std::string path_;
  MountTraits mount_;
  Command command_;
  Executable executable_;
  Taking taking_;
  Child child_;
  SignalRelay relay_;
  std::optional<ProcessTree> tree_;     // if it is stopped when the lock is lost
  std::optional<ProcessTree> orphans_;  // if others' become ours
  std::unique_ptr<Watch> ends_;
  Warden warden_;
  Keeping keeping_;
  Releasing releasing_;

  Phase phase_ = Phase::claiming;
  std::set<int> received_;  // signals that came while the command ran
  Ending ending_;
};

}  // namespace

Ending run(const Options& options, const World& world, RunReport& report) {
  return Run{options, world, report}.to_the_end();
}

}  // namespace ufl

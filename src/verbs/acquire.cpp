// SPDX-License-Identifier: MIT

#include "verbs/acquire.hpp"

#include <sys/types.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "report/text.hpp"
#include "seams/no_command.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/process_info.hpp"
#include "sys/standard_error.hpp"
#include "verbs/leasing.hpp"
#include "verbs/lock_session.hpp"
#include "verbs/placing.hpp"
#include "verbs/refresh.hpp"
#include "verbs/session_options.hpp"
#include "verbs/verb_loop.hpp"

namespace ufl {

namespace {

SessionOptions session_of(const Options& options, const MountTraits& mount, const World& world,
                          const std::optional<ProcessId>& lives_with) {
  SessionOptions session = waiting_session_options(options, mount, world);
  ClaimOptions& claim = session.claim;
  claim.holder.detached = true;
  claim.holder.lives_with = lives_with;
  // For people: whose lock is it? Most likely that of the script that has called us.
  const auto words =
      process_command(options.pid ? static_cast<pid_t>(*options.pid) : parent_process());
  if (options.record_command && !words.empty()) {
    claim.holder.command = shorten(shell_quote(words), kCommandLimit);
  }
  return session;
}

class Acquire {
 public:
  Acquire(const Options& options, const World& world, const std::optional<ProcessId>& lives_with,
          RunReport& report)
      : options_{options},
        world_{world},
        lives_with_{lives_with},
        report_{report},
        loop_{world.signals},
        mount_{find_mount(absolute_path(options.lock_file))},
        lock_{options,
              world,
              loop_,
              session_of(options, mount_, world, lives_with),
              no_command_,
              report,
              LockSession::Events{.on_acquired = [this] { return acquired(); },
                                  .on_not_taken = [this](Ending ending) { loop_.end(ending); },
                                  .on_ended = [this] { ended(); }}} {}

  Ending to_the_end() {
    if (!can_be_a_lock(options_, mount_)) return {exit_status::kFailed, 0};
    if (!lease_is_possible(options_, mount_)) return {exit_status::kFailed, 0};
    require_calls_to_change(mount_.local);
    loop_.events().on_signal([this](const SignalEvent& event) { lock_.got_signal(event.number); });
    lock_.start();
    return loop_.run();
  }

 private:
  // Status 0 says "held", so a signal counts until the very end. One that comes after the last
  // poll_signals() has come too late: it is blocked, and forgotten.
  Step acquired() {
    Session& session = lock_.session();
    if (is_interrupted() || is_over()) return session.let_go();
    if (options_.pid && !process_runs(*lives_with_)) {
      say(process_ended_text(options_.lock_file, *options_.pid));
      fail();
      return session.let_go();
    }
    const ClaimResult& held = lock_.claimed();
    const int error =
        loop_.print(world_, held.token + '\n', [this] { return lock_.fatal_signal() != 0; });
    if (is_interrupted()) return session.let_go();
    if (error != 0) {
      say(print_failure_text(options_.lock_file, "the token, so the lock is released", error));
      fail();
      return session.let_go();
    }
    if (is_over()) return session.let_go();
    if (options_.lease) note_refresh(world_, held.token, *options_.lease, held.begun);
    ending_ = {exit_status::kOk, 0};
    return session.hand_over();
  }

  // ufl was stopped, or suspended, or nobody has read its stdout: somebody else may have taken the
  // lock over meanwhile.
  bool is_over() {
    const auto lease = lock_.claim().kept_lease();
    if (!lease || world_.clock.now() < lease->reliable_until()) return false;
    say(acquired_too_late_text(options_.lock_file, *options_.lease));
    said_over_ = true;
    fail();
    return true;
  }

  void fail() {
    report_.kind = RunReport::Kind::failed;
    ending_ = {exit_status::kFailed, 0};
  }

  bool is_interrupted() {
    loop_.events().poll_signals();
    const int signal = lock_.fatal_signal();
    if (signal == 0) return false;
    report_.kind = RunReport::Kind::interrupted;
    report_.signal = signal;
    ending_ = ending_of_signal(signal);
    return true;
  }

  void ended() {
    const auto& release = lock_.session().release();
    if (release) released(release->result());
    loop_.end(ending_);
  }

  void released(const ReleaseResult& result) {
    if (result.outcome == ReleaseResult::Outcome::failed) {
      say(release_failure_text(options_.lock_file, lock_.claimed().token, result.failure));
    }
    if (result.outcome == ReleaseResult::Outcome::too_late && !said_over_) {
      say(left_to_lease_text(options_.lock_file, *options_.lease));
    }
  }

  const Options& options_;
  const World& world_;
  std::optional<ProcessId> lives_with_;
  RunReport& report_;
  VerbLoop loop_;
  MountTraits mount_;
  NoCommand no_command_;
  LockSession lock_;
  Ending ending_{exit_status::kFailed, 0};
  bool said_over_ = false;  // that its lease is over
};

}  // namespace

Ending acquire(const Options& options, const World& world, RunReport& report) {
  std::optional<ProcessId> lives_with;
  if (options.pid) {
    lives_with = find_process(static_cast<pid_t>(*options.pid));
    if (!lives_with) {
      say(no_process_text(options.lock_file, *options.pid));
      return {exit_status::kFailed, 0};
    }
  }
  // Nobody could ever release a lock whose token went nowhere.
  if (const int error = world.out.write({}, nullptr); error != 0) {
    say(print_failure_text(options.lock_file, "the token, so the lock is not taken", error));
    return {exit_status::kFailed, 0};
  }
  return Acquire{options, world, lives_with, report}.to_the_end();
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "verbs/acquire.hpp"

#include <sys/types.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "protocol/lease.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/recovery_messages.hpp"
#include "report/text.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/process_info.hpp"
#include "sys/standard_error.hpp"
#include "verbs/leasing.hpp"
#include "verbs/placing.hpp"
#include "verbs/refresh.hpp"
#include "verbs/releasing.hpp"
#include "verbs/session.hpp"
#include "verbs/taking.hpp"

namespace ufl {

namespace {

ClaimOptions claim_of(const Options& options, const MountTraits& mount, const World& world,
                      const std::optional<ProcessId>& lives_with) {
  ClaimOptions claim = waiting_claim_options(options, mount, world);
  claim.detached = true;
  claim.lives_with = lives_with;
  // For people: whose lock is it? Most likely that of the script that has called us.
  const auto words =
      process_command(options.pid ? static_cast<pid_t>(*options.pid) : parent_process());
  if (options.record_command && !words.empty()) {
    claim.command = shorten(shell_quote(words), kCommandLimit);
  }
  return claim;
}

class Acquire {
 public:
  Acquire(const Options& options, const World& world, const std::optional<ProcessId>& lives_with,
          RunReport& report)
      : options_{options},
        world_{world},
        lives_with_{lives_with},
        report_{report},
        session_{world.signals},
        mount_{find_mount(absolute_path(options.lock_file))},
        taking_{options,
                world,
                session_,
                claim_of(options, mount_, world, lives_with),
                report,
                Taking::Events{.on_acquired = [this] { acquired(); },
                               .on_ended = [this](Ending ending) { session_.end(ending); }}},
        releasing_{world, session_.timer()} {}

  Ending to_the_end() {
    if (!can_be_a_lock(options_, mount_)) return {exit_status::kFailed, 0};
    if (!lease_is_possible(options_, mount_)) return {exit_status::kFailed, 0};
    require_calls_to_change(mount_.local);
    session_.loop().on_signal(
        [this](const SignalEvent& event) { taking_.got_signal(event.number); });
    taking_.start();
    return session_.run();
  }

 private:
  // Status 0 says "held", so a signal counts until the very end. One that comes after the last
  // poll_signals() has come too late: it is blocked, and forgotten.
  void acquired() {
    if (is_interrupted() || is_over()) return;
    if (!lease_fits(options_, taking_.claim().result())) return fail();
    if (options_.pid && !process_runs(*lives_with_)) {
      say(process_ended_text(options_.lock_file, *options_.pid));
      return fail();
    }
    const int error = session_.print(world_, taking_.claim().result().token + '\n',
                                     [this] { return taking_.fatal_signal() != 0; });
    if (is_interrupted()) return;
    if (error != 0) {
      say(print_failure_text(options_.lock_file, "the token, so the lock is released", error));
      return fail();
    }
    if (is_over()) return;
    const ClaimResult& held = taking_.claim().result();
    if (options_.lease) note_refresh(world_, held.token, *options_.lease, held.begun);
    session_.end({exit_status::kOk, 0});
  }

  // ufl was stopped, or suspended, or nobody has read its stdout: somebody else may have taken the
  // lock over meanwhile.
  bool is_over() {
    const Mono begun = taking_.claim().result().begun;
    const bool is_held =
        !options_.lease || world_.clock.now() < begun + lease_reliable(*options_.lease);
    if (is_held) return false;
    say(acquired_too_late_text(options_.lock_file, *options_.lease));
    said_over_ = true;
    fail();
    return true;
  }

  void fail() {
    report_.kind = RunReport::Kind::failed;
    release({exit_status::kFailed, 0});
  }

  bool is_interrupted() {
    session_.loop().poll_signals();
    const int signal = taking_.fatal_signal();
    if (signal == 0) return false;
    report_.kind = RunReport::Kind::interrupted;
    report_.signal = signal;
    release(ending_of_signal(signal));
    return true;
  }

  void release(Ending ending) {
    taking_.letting_go();
    releasing_.start(release_options(options_, mount_, taking_.claim()),
                     [this, ending](const ReleaseResult& result) {
                       note_release(report_, result);
                       forget_witness(world_, mount_, taking_.claim().result().token, result);
                       if (result.outcome == ReleaseResult::Outcome::failed) {
                         say(release_failure_text(options_.lock_file,
                                                  taking_.claim().result().token, result.failure));
                       }
                       if (result.outcome == ReleaseResult::Outcome::too_late && !said_over_) {
                         say(left_to_lease_text(options_.lock_file, *options_.lease));
                       }
                       session_.end(ending);
                     });
  }

  const Options& options_;
  const World& world_;
  std::optional<ProcessId> lives_with_;
  RunReport& report_;
  Session session_;
  MountTraits mount_;
  Taking taking_;
  Releasing releasing_;
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
  if (const int error = world.print({}, nullptr); error != 0) {
    say(print_failure_text(options.lock_file, "the token, so the lock is not taken", error));
    return {exit_status::kFailed, 0};
  }
  return Acquire{options, world, lives_with, report}.to_the_end();
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "verbs/break_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "protocol/judge.hpp"
#include "protocol/token.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/run_report.hpp"
#include "report/text.hpp"
#include "seams/no_command.hpp"
#include "sys/hindrances.hpp"
#include "sys/mount_table.hpp"
#include "sys/needed_calls.hpp"
#include "sys/path.hpp"
#include "sys/standard_error.hpp"
#include "verbs/inspecting.hpp"
#include "verbs/lock_session.hpp"
#include "verbs/placing.hpp"
#include "verbs/refresh.hpp"
#include "verbs/session_options.hpp"
#include "verbs/verb_loop.hpp"

namespace ufl {

namespace {

/// What a person asks for, and whether it may be done.
class Request {
 public:
  Request(const Options& options, const World& world, const MountTraits& mount)
      : world_{world}, local_{mount.local}, token_{strip(options.token)} {}

  [[nodiscard]] BreakRefusal judge(const Sighting& seen) const {
    if (!token_.empty()) {
      return seen.token == token_ ? BreakRefusal::none : BreakRefusal::another_token;
    }
    if (is_emptied(seen)) return BreakRefusal::emptied;
    if (!is_whole(seen)) return BreakRefusal::no_lock;
    if (seen.kind == Sighting::Kind::unknown_version) return BreakRefusal::newer;
    return life_of(world_.judge, seen, local_) == Life::alive ? BreakRefusal::alive
                                                              : BreakRefusal::none;
  }

  [[nodiscard]] bool is_dead(const Sighting& seen) const {
    return life_of(world_.judge, seen, local_) == Life::dead;
  }

  [[nodiscard]] int status_when_free() const {
    return token_.empty() ? exit_status::kOk : exit_status::kLost;
  }

 private:
  const World& world_;
  bool local_;
  std::string token_;
};

int status_of(BreakRefusal refusal) {
  switch (refusal) {
    case BreakRefusal::another_token:
      return exit_status::kLost;
    case BreakRefusal::alive:
    case BreakRefusal::newer:
    case BreakRefusal::emptied:
      return exit_status::kNotAcquired;
    case BreakRefusal::no_lock:
    case BreakRefusal::none:
      break;
  }
  return exit_status::kFailed;
}

// A failure, which is said even with -q, is something else.
void say_refusal(const Options& options, const std::string& text) {
  if (options.verbosity != Verbosity::quiet) say(text);
}

Ending nothing_to_break(const Options& options, const Request& request) {
  say_refusal(options, nothing_to_break_text(options.lock_file));
  return {request.status_when_free(), 0};
}

class Break {
 public:
  Break(const Options& options, const World& world, VerbLoop& loop, const Request& request,
        MountTraits mount, Sighting broken)
      : options_{options},
        world_{world},
        loop_{loop},
        request_{request},
        broken_{std::move(broken)},
        text_{broken_text(options.lock_file, broken_, world.clock.wall())},
        mount_{std::move(mount)},
        lock_{options,
              world,
              loop,
              session_of(),
              no_command_,
              report_,
              LockSession::Events{
                  .on_looks_free = [this] { return lock_.claim().takes_over(); },
                  .on_acquired = [this] { return lock_.session().let_go(); },
                  .on_refused = [this] { free_by_now(); },
                  .on_not_acquired = [this] { somebody_was_faster(); },
                  .on_not_taken = [this](Ending ending) { not_taken(ending); },
                  .on_ended = [this] { released(lock_.session().release()->result()); }}} {}

  Ending to_the_end() {
    loop_.events().on_signal([this](const SignalEvent& event) { got_signal(event); });
    lock_.start();
    return loop_.run();
  }

 private:
  [[nodiscard]] SessionOptions session_of() const {
    SessionOptions session = session_options(options_, mount_);
    ClaimOptions& claim = session.claim;
    claim.holder.command = "ufl --break " + shell_quote({options_.lock_file});
    claim.enclosing_token.clear();
    claim.timeout = Duration::zero();
    claim.takeovers.delay = takeover_delay_on(mount_);
    claim.takeovers.may_take_over = [this](const Sighting& seen, bool /*is_abandoned*/) {
      return seen.token == broken_.token && request_.judge(seen) == BreakRefusal::none;
    };
    claim.takeovers.is_dead = [this](const Sighting& seen) { return request_.is_dead(seen); };
    return session;
  }

  // While the release waits for somebody's flock(2) or for a second look, nothing is under way.
  void got_signal(const SignalEvent& event) {
    lock_.got_signal(event.number);
    const bool is_releasing = lock_.session().stage() == Session::Stage::releasing;
    if (!is_releasing || lock_.fatal_signal() == 0) return;
    tell();
    say(break_interrupted_text(options_.lock_file, lock_.claimed().token));
    loop_.end(ending_of_signal(lock_.fatal_signal()));
  }

  void released(const ReleaseResult& result) {
    const bool told = tell();
    const int signal = lock_.fatal_signal();
    if (result.outcome == ReleaseResult::Outcome::failed) {
      say(release_failure_text(options_.lock_file, lock_.claimed().token, result.failure));
      return loop_.end({exit_status::kFailed, 0});
    }
    if (signal != 0) return loop_.end(ending_of_signal(signal));
    loop_.end({told ? exit_status::kOk : exit_status::kFailed, 0});
  }

  // A signal, or an error. What was replaced is broken all the same: the claim was taken back.
  void not_taken(Ending ending) {
    if (lock_.claimed().replaced) tell();
    loop_.end(ending);
  }

  // What was broken, on stdout.
  bool tell() {
    forget_refresh(world_, broken_.token);
    const int error =
        loop_.print(world_, text_ + '\n', [this] { return lock_.fatal_signal() != 0; });
    if (error == EINTR) {
      say(text_);
      return true;
    }
    if (error != 0) {
      say(print_failure_text(options_.lock_file, "what was broken", error));
      say(text_);
    }
    return error == 0;
  }

  void free_by_now() { loop_.end(nothing_to_break(options_, request_)); }

  void somebody_was_faster() {
    const Claim& claim = lock_.claim();
    const Sighting& seen = claim.seen();
    if (claim.result().replaced) {
      tell();
      say_refusal(options_, break_taken_text(options_.lock_file, seen, world_.clock.wall()));
    } else if (claim.result().flocked) {
      say_refusal(options_,
                  break_flocked_text(options_.lock_file, hindrance_at(options_.lock_file)));
    } else if (claim.result().may_not_replace) {
      Failure failure{.operation = ReplaceFile{}};
      failure.reply.status = FileStatus::denied;
      failure.reply.error = EPERM;
      say(failure_text(options_.lock_file, failure));
      return loop_.end({exit_status::kFailed, 0});
    } else if (seen.kind == Sighting::Kind::unreadable) {
      Failure failure{.operation = ReadFile{}};
      failure.reply.error = seen.error;
      say(failure_text(options_.lock_file, failure));
      return loop_.end({exit_status::kFailed, 0});
    } else {
      say_refusal(options_, break_race_text(options_.lock_file, seen, world_.clock.wall()));
    }
    loop_.end({exit_status::kNotAcquired, 0});
  }

  const Options& options_;
  const World& world_;
  VerbLoop& loop_;
  const Request& request_;
  Sighting broken_;
  std::string text_;  // what is broken
  MountTraits mount_;
  RunReport report_;
  NoCommand no_command_;
  LockSession lock_;
};

}  // namespace

Ending break_lock(const Options& options, const World& world) {
  // A person who breaks a lock must learn whose it was.
  if (const int error = world.out.write({}, nullptr); error != 0) {
    say(print_failure_text(options.lock_file, "what is broken, so nothing is", error));
    return {exit_status::kFailed, 0};
  }
  VerbLoop loop{world.signals};
  const MountTraits mount = find_mount(absolute_path(options.lock_file));
  require_calls_to_change(mount.local);
  if (!can_be_a_lock(options, mount)) return {exit_status::kFailed, 0};
  const Request request{options, world, mount};
  const InspectResult look = inspect(options.lock_file, mount.local, world, loop);
  if (look.state == InspectResult::State::cannot_tell) {
    say(failure_text(options.lock_file, look.failure));
    return {exit_status::kFailed, 0};
  }
  if (look.state == InspectResult::State::free) return nothing_to_break(options, request);
  const BreakRefusal refusal = request.judge(look.seen);
  if (refusal != BreakRefusal::none) {
    const std::string text = break_refusal_text(options.lock_file, refusal, options.token,
                                                look.seen, world.clock.wall());
    const int status = status_of(refusal);
    if (status == exit_status::kFailed || options.verbosity != Verbosity::quiet) say(text);
    return {status, 0};
  }
  return Break{options, world, loop, request, mount, look.seen}.to_the_end();
}

}  // namespace ufl

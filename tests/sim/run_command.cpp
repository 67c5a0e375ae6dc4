// SPDX-License-Identifier: MIT
//
// ufl LOCKFILE COMMAND: a session with a command, and who watches both.

#include <utility>

#include "sim/run.hpp"

namespace ufl::sim {

CommandRun::CommandRun(const Stage& stage, Host& host, int who, Kind kind, bool once,
                       std::function<void(bool acquired)> on_ended)
    : Run{stage, host, who, kind, once, std::move(on_ended)},
      command_{{stage.world, host, stage.monitor, stage.knobs, stage.recovery, who, has_lease()},
               process_,
               clock_,
               {.on_begin = [this] { begins(); },
                .on_ended = [this] { command_ended(); },
                .on_stopped = [this] { session().holding()->command_stopped(); },
                .on_gone = [this] { dead_for_good(); }}} {}

SessionEvents CommandRun::session_events() {
  return {.on_wake = [this] { player_->wake(); },
          .on_over = [this] { session_ended(); },
          .on_lost = [this](CommandFate) { lost(); }};
}

Step CommandRun::acquired() {
  // Until its command runs, a lock with a lease protects nothing.
  if (!has_lease()) {
    held_ = true;
    stage_.monitor.enters(who_, token());
  }
  const ProcessId child = command_.prepare(identity_.lifeline(), client_.kept());
  client_.let_hang();
  client_.measure();
  Step step = session().keep(child);
  if (flawed(RecoveryFlaw::command_before_record)) command_.start_early();
  return step;
}

void CommandRun::begins() {
  if (!std::exchange(held_, true)) stage_.monitor.enters(who_, token());
}

bool CommandRun::keeps_watch() {
  const bool keeps =
      session().stage() == Session::Stage::keeping && session().holding()->section().is_running();
  return process_->alive && keeps && !was_disturbed_ && !client_.hangs() && is_told();
}

void CommandRun::lost() {
  const bool is_over = session().loss() == CriticalSection::Loss::lease_over;
  tell(is_over ? "sees its lease run out" : "sees that it has lost the lock");
  if (is_over && !was_disturbed_ && client_.was_well(claimed().look_to_write)) {
    stage_.monitor.loses_lease(who_);
  }
}

void CommandRun::command_ended() {
  if (over_) return;
  stage_.monitor.leaves(who_);  // what it leaves in the background does not count
  session().holding()->command_ended();
}

std::optional<Mono> CommandRun::last_moment() const {
  const auto& holding = session().holding();
  const auto lease = holding ? holding->lease() : std::nullopt;
  return lease ? std::optional{lease->last_at()} : std::nullopt;
}

Duration CommandRun::longest_stop(Duration time) { return command_.longest_stop(time); }

}  // namespace ufl::sim

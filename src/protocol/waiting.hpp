// SPDX-License-Identifier: MIT
//
// Waiting: when does a contender look again at a lock that somebody else holds? After a retry
// interval, which may grow; sooner when it is told that the lock file may have been removed or that
// the holder has ended. What it is told is a hint: it may be wrong, and may be missing.
//
// Verdicts: look, glance, timed_out.

#pragma once

#include <cstdint>
#include <optional>

#include "protocol/backoff.hpp"
#include "protocol/contest.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// Drive it as step.hpp says; start() begins a wait after a look that has shown a holder.
class Waiting final : public ClaimPart {
 public:
  explicit Waiting(Contest& contest);

  [[nodiscard]] Step start() override;
  /// Wait on after a glance: the next look is not put off by it.
  [[nodiscard]] Step wait_on();
  [[nodiscard]] Step on_reply(const FileReply& /*reply*/) override { return Finished{}; }
  [[nodiscard]] Step resume() override;

  /// The lock file may have been removed just now: the next resume() asks for a look.
  void look_soon();
  /// The process of the holder has ended: the next resume() asks for a whole look.
  void holder_ended();
  /// Each removal is told from now on, by look_soon(). `interval`: the time between two looks at a
  /// holder whose end is told, too. Without it: nothing is told any more.
  void rely_on_hints(std::optional<Duration> interval);
  /// The end of the holder that was seen is told, or it has no process that could end.
  void holder_is_watched() { watched_ = contest_.rival.new_processes; }

 private:
  [[nodiscard]] Mono next_look();
  [[nodiscard]] Mono in_time(Mono look) const;
  [[nodiscard]] Mono after_backoff(std::uint64_t random);
  Step wait(Mono until);

  Backoff backoff_;
  std::optional<Backoff> hinted_;  // in place of it, for a holder that is watched
  int holder_ = 0;                 // the holder that backoff_ is for (Rival::new_holders)
  std::optional<int> watched_;     // the process whose end is told (Rival::new_processes)
  Mono wait_until_{};
  Mono look_at_{};                  // the contender finds out then who holds the lock
  Mono latest_look_{};              // latest time for that, however many glances come first
  Duration quiet_for_{};            // each of them puts it off by so much
  bool whole_look_wanted_ = false;  // by holder_ended()
};

}  // namespace ufl

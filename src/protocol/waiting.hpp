// SPDX-License-Identifier: MIT
//
// Waiting: when does a contender look again at a lock that somebody else holds? After a retry
// interval, which may grow; sooner when the kernel tells that the lock file may have been removed
// or that the holder has ended, and less often by itself as long as it does (seams/notifier.hpp).
//
// Verdicts: look, glance, timed_out.

#pragma once

#include <cstdint>
#include <optional>

#include "protocol/backoff.hpp"
#include "protocol/contest.hpp"
#include "seams/clock.hpp"
#include "seams/notifier.hpp"

namespace ufl {

/// Drive it as step.hpp says; start() begins a wait after a look that has shown a holder.
class Waiting final : public ClaimPart {
 public:
  /// `notifier`: null: nothing is told.
  Waiting(Contest& contest, Notifier* notifier);

  [[nodiscard]] Step start() override;
  /// Wait on after a glance: the next look is not put off by it.
  [[nodiscard]] Step wait_on();
  [[nodiscard]] Step on_reply(const FileReply& /*reply*/) override { return Finished{}; }
  [[nodiscard]] Step resume() override;

  [[nodiscard]] bool on_wait() override;
  /// The claim is over: nothing is to be told any more.
  void forget();

 private:
  [[nodiscard]] bool watch_file();
  void removed(bool goes_on);
  [[nodiscard]] bool watch_holder();
  [[nodiscard]] bool begin_to_watch();
  void holder_ended();
  void look_soon();
  void look_for_what_is_left();
  [[nodiscard]] Mono next_look();
  [[nodiscard]] Mono in_time(Mono look) const;
  [[nodiscard]] Mono after_backoff(std::uint64_t random);
  Step wait(Mono until);

  Notifier* notifier_;
  bool was_asked_ = false;          // the notifier
  std::optional<int> watched_;      // the process whose end is told, or that could not end
  std::optional<int> asked_about_;  // the last one whose end was to be told (Rival::new_processes)
  Backoff backoff_;
  std::optional<Backoff> hinted_;  // in place of it, while removals are told
  int holder_ = 0;                 // the holder that backoff_ is for (Rival::new_holders)
  Mono wait_until_{};
  Mono look_at_{};                  // the contender finds out then who holds the lock
  Mono latest_look_{};              // latest time for that, however many glances come first
  Duration quiet_for_{};            // each of them puts it off by so much
  bool whole_look_wanted_ = false;  // the holder has ended
};

}  // namespace ufl

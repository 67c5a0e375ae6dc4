// SPDX-License-Identifier: MIT
//
// The term of a lease: one page of memory that ufl (U) and its warden (W) share, so that both know
// until when the command may run, and only one of them ends that.
//
// It holds the time to stop at, which U raises after each refresh, or "over", or "done" (the
// command ended before). Both are final, so the word is changed by compare-and-swap only:
//   1 U's refresh was in time, and U is about to raise a to b  2 the time is a: W reads a, swaps in
//   "over", tells the command to stop  3 U swaps a for b in vain: it finds "over", and ends with
//   76, whatever the refresh has written
// or else
//   1 the time is a: W reads a  2 U swaps a for b  3 W swaps a for "over" in vain, reads b, waits.
// If both would end it, one of them swaps in "over", and that one sends SIGTERM: a second SIGTERM
// means "force" to some programs.
//   1 the time is a: U and W read a  2 W swaps in "over"  3 U swaps in vain: U only kills.
// If W dies after 2, nobody sends SIGTERM, and SIGKILL comes in time from U.
//
// The time to kill at stands beside the word. It may be an old one, and is then too early, never
// too late:
//   1 U swaps a for b  2 U cannot go on  3 W ends it at b, and finds the time to kill that went
//   with a: it leaves the command less time, or none, for its own end.

#pragma once

#include "seams/clock.hpp"

namespace ufl {

/// A term that this process shares with those it forks after open(). Without open() it is of no
/// lease: it never ends, and everything is allowed.
class LeaseTerm {
 public:
  LeaseTerm() = default;
  LeaseTerm(const LeaseTerm&) = delete;
  LeaseTerm& operator=(const LeaseTerm&) = delete;
  ~LeaseTerm();

  /// Make a new one, which ends at `stop_at`. The command is killed `kill_after` later, and at
  /// `kill_at` at the latest. Returns 0, or the errno value.
  [[nodiscard]] int open(Mono stop_at, Mono kill_at, Duration kill_after);

  /// The lease was refreshed: it ends later, never earlier. False: it was over, or done, before; or
  /// it is time that it were.
  [[nodiscard]] bool raise(const Clock& clock, Mono stop_at, Mono kill_at);

  /// Swap in "over", if it is time. True: now it is over, by this call.
  [[nodiscard]] bool end_in_time(const Clock& clock);

  /// Swap in "over", whatever the time, and let it be killed at `kill_at`, if that is earlier.
  /// True: it was neither over nor done before.
  [[nodiscard]] bool end(Mono kill_at);

  /// Swap in "done": nobody stops anything from now on. False: it was over before, and is.
  [[nodiscard]] bool conclude();

  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool is_done() const;

  /// When it ends, unless it is raised; when over or done, no time that ever comes.
  [[nodiscard]] Mono stop_at() const;
  [[nodiscard]] Mono kill_at() const;

 private:
  struct Page;

  Page* page_ = nullptr;
  Duration kill_after_{};
};

}  // namespace ufl

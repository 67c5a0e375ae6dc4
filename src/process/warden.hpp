// SPDX-License-Identifier: MIT
//
// The warden stands in for a ufl that cannot stop its command in time, under a lease that others
// will take over whatever happens here: ufl waits for a share that hangs, or a freezer or a
// debugger keeps it from running, or it was stopped, or killed.
//
// The warden goes by its own clock, and by the term that it shares with ufl (lease_term.hpp). When
// the term ends, the warden stops the command and everything below ufl: SIGTERM, then SIGKILL; and
// it continues ufl, if that was merely stopped. It knows the command by a pidfd from before the
// command began, not by its number.
//
// When ufl was killed, the command dies with it (PR_SET_PDEATHSIG), and the warden kills what the
// command had started: each process that has the token of the lock in its environment, also below
// an inner ufl (UFL_TOKENS), or the lifeline open, and everything below those. Not found: a process
// that has cleared its environment, closed its descriptors, and has no living parent that is found.
// Not ended: a process that runs as another user, unless ufl is root.
//
// When the warden ends before its time, ufl makes another one at once.

#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "process/event_loop.hpp"
#include "process/lease_term.hpp"
#include "process/process_title.hpp"
#include "process/process_tree.hpp"
#include "seams/clock.hpp"
#include "seams/process_table.hpp"
#include "seams/timer.hpp"

namespace ufl {

/// A process of ours beside the command. Before start() there is none, and no lease: its term never
/// ends.
class Warden {
 public:
  /// Throws std::system_error when the kernel gives no timer: make it before the lock is taken.
  Warden(EventLoop& loop, ProcessTable& table, const ProcessTitle& title, const Clock& clock);
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;
  /// As dismiss().
  ~Warden() { dismiss(); }

  /// Begin to watch over the command of `tree`, which has not begun, and of the lock that `token`
  /// holds: the command's environment has it in UFL_TOKEN and UFL_TOKENS, and it inherits its
  /// lifeline. The term of the lease ends at `stop_at`; the command is killed `kill_after` later,
  /// and at `kill_at` at the latest. `tree` must outlive this. Returns 0, or the errno value of
  /// what failed.
  [[nodiscard]] int start(const std::string& token, const ProcessTree& tree, Mono stop_at,
                          Mono kill_at, Duration kill_after);

  /// The lease was refreshed. False: its term has ended, and is not raised.
  [[nodiscard]] bool raise(Mono stop_at, Mono kill_at);

  /// End the term: the command is to be stopped, and killed at `kill_at` at the latest. True: it is
  /// for the caller to tell it; false: the warden has done so.
  [[nodiscard]] bool end_term(Mono kill_at);

  /// The command has ended: nothing is to be stopped any more. False: the term was over before
  /// that.
  [[nodiscard]] bool conclude() { return term_.conclude(); }

  /// Nobody needs it any more; if its term is not over, what the command has started lives on.
  void dismiss();

  /// Its number, or -1: there is none.
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  [[nodiscard]] int begin();
  void watch();
  void replace();
  [[nodiscard]] bool has_ended() const;
  void end();

  EventLoop& loop_;
  ProcessTable& table_;
  const ProcessTitle& title_;
  const Clock& clock_;
  std::unique_ptr<Timer> timer_;  // of a replacement
  LeaseTerm term_;
  std::string token_;  // empty: it is not wanted
  const ProcessTree* tree_ = nullptr;
  int orders_ = -1;  // to the warden; its end tells that ufl has ended
  pid_t pid_ = -1;
  Mono begun_{};
  std::unique_ptr<Watch> watch_;  // of its end
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// What the warden does, in its own process (warden.hpp).
//
//     watch    until the term of the lease ends, or ufl does
//     stop     the term has ended: SIGTERM to the command's tree, if the warden has ended the term;
//              SIGKILL in time, until nothing of it runs. Now and then SIGCONT for ufl, in case it
//              was only stopped.
//     bury     ufl has ended: SIGKILL for whatever bears a sign of the command

#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "process/lease_term.hpp"
#include "process/process_tree.hpp"
#include "seams/clock.hpp"
#include "seams/process_table.hpp"
#include "sys/command_signs.hpp"

namespace ufl {

/// The work of one warden, whose parent is ufl.
class WardenDuty {
 public:
  /// The descriptors of a warden, which has no others: somebody may wait for their end.
  static constexpr int kOrders =
      0;  ///< ufl writes when the term has changed; its end tells of ufl's
  static constexpr int kTimer = 1;    ///< a timerfd on CLOCK_BOOTTIME
  static constexpr int kCommand = 2;  ///< a pidfd of the command

  /// In the forked process, while the lifeline is open still. `ufl`: the number of ufl, as ufl
  /// knows it. `tree`: as ufl has it, with its command.
  WardenDuty(pid_t ufl, const ProcessTree& tree, LeaseTerm& term, const std::string& token,
             const Clock& clock, ProcessTable& table);

  /// Do it, until ufl has ended and nothing is left to do.
  void run();

 private:
  enum class Heard { nothing, orders, end };

  [[nodiscard]] Heard listen();
  void set_timer(Mono when);
  void act();
  void stop_command(Mono now);
  [[nodiscard]] bool is_ufl() const;
  void bury();

  pid_t ufl_;
  LeaseTerm& term_;
  const Clock& clock_;
  CommandSigns signs_;
  ProcessTree below_ufl_;
  ProcessTree signed_;
  bool is_to_tell_ = false;  // SIGTERM is for this warden to send
  Duration interval_;        // from one look at the tree to the next
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// Stands in for a ufl that cannot stop its command in time, under a lease that others will take
// over whatever happens here.
//
// A ufl that was stopped (SIGSTOP, Ctrl-Z) is continued just before its lease ends: it finds its
// time gone, and kills. When ufl was killed, the command dies with it (PR_SET_PDEATHSIG), and the
// warden kills what the command had started: whoever has the token of the lock in his environment,
// also below an inner ufl (UFL_TOKENS), or has its lifeline open, and whatever is below those.
// Not found: who has cleared his environment and closed his descriptors and has no living parent
// that is found. Not ended: who runs as another user, unless ufl is root.

#pragma once

#include <sys/types.h>

#include <string>

#include "process/process_title.hpp"
#include "seams/clock.hpp"
#include "seams/process_table.hpp"

namespace ufl {

/// A process of ours beside the command.
class Warden {
 public:
  Warden(ProcessTable& table, const ProcessTitle& title) : table_{table}, title_{title} {}
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;
  /// As dismiss().
  ~Warden() { dismiss(); }

  /// Begin to watch over the command of the lock that `token` holds, whose environment has it in
  /// UFL_TOKEN and UFL_TOKENS, and which inherits its lifeline. Returns 0, or the errno value of
  /// what failed.
  [[nodiscard]] int start(const std::string& token);

  /// Continue ufl at `when`, in place of what was said before. If somebody has killed the warden,
  /// another one takes its place; nothing else notices that.
  void continue_at(Mono when);

  /// Nobody needs it any more. What the command has started lives on.
  void dismiss();

  /// Its number, or -1: there is none.
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  [[nodiscard]] int begin();
  [[nodiscard]] bool tell(Mono when) const;
  void end();

  ProcessTable& table_;
  const ProcessTitle& title_;
  std::string token_;  // empty: it is not wanted
  int orders_ = -1;    // to the warden; its end tells that ufl has ended
  pid_t pid_ = -1;
};

}  // namespace ufl

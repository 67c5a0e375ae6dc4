// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <string>

#include "report/waiting_text.hpp"
#include "seams/clock.hpp"
#include "seams/timer.hpp"
#include "sys/terminal.hpp"

namespace ufl {

/// For a person who watches a terminal: one line about what is waited for, from the first second on
/// rewritten in place each second, gone when it is over.
class WaitingLine {
 public:
  /// `now_waiting` says what to show, apart from the time.
  WaitingLine(std::string path, const Clock& clock, Timer& timer,
              std::function<WaitProgress()> now_waiting);

  /// The wait begins.
  void start();

  /// Something else is about to be said: make room. The line comes back by itself.
  void make_room() { line_.clear(); }

  /// The wait is over.
  void stop();

 private:
  void tick();

  std::string path_;
  const Clock& clock_;
  Timer& timer_;
  std::function<WaitProgress()> now_waiting_;
  RewrittenLine line_;
  Mono started_{};
  Mono next_{};
};

}  // namespace ufl

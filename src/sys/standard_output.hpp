// SPDX-License-Identifier: MIT
//
// stdout, which belongs to the command where there is one: ufl writes to it for --help, --version,
// and the verbs that print something.

#pragma once

#include <csignal>
#include <functional>
#include <string>

#include "sys/standard_fds.hpp"

namespace ufl {

/// stdout as ufl was given it, with the signals that must get through while it is written to.
class StandardOutput {
 public:
  /// `held_back`: the signals that are blocked, so that they can be read one by one; it must
  /// outlive this.
  StandardOutput(const ClosedStandardFds& closed, const sigset_t& held_back);

  /// Write all of `text`. Returns 0, or the errno value (EBADF: it is closed). Asks `stop` whenever
  /// a signal has come that is held back; if that says true, the rest is not written, and EINTR
  /// returned.
  [[nodiscard]] int write(const std::string& text, const std::function<bool()>& stop) const;

  /// Does it show colours, and does the user want them?
  [[nodiscard]] bool is_coloured() const;

 private:
  bool is_closed_;
  const sigset_t& held_back_;
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// What the terminals behind our standard descriptors are like, and the one line that is rewritten
// on stderr.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ufl {

/// Can a line on stderr be rewritten, as far as the descriptor and $TERM tell?
[[nodiscard]] bool stderr_is_terminal();

/// Are colours wanted on `fd`: is it a terminal that has them, and $NO_COLOR (no-color.org) not
/// set?
[[nodiscard]] bool wants_colour(int fd);

/// A line on a terminal that is rewritten in place. Draws nothing while this process is in the
/// background: the terminal belongs to another job then.
class RewrittenLine {
 public:
  RewrittenLine() = default;
  RewrittenLine(const RewrittenLine&) = delete;
  RewrittenLine& operator=(const RewrittenLine&) = delete;
  ~RewrittenLine() { clear(); }

  /// The columns that a line has now: one less than the terminal has, so that none wraps.
  [[nodiscard]] static std::size_t columns();

  /// Show `line`, which must fit, in place of the one before.
  void draw(std::string_view line);

  /// Erase the line.
  void clear();

 private:
  bool shown_ = false;
};

}  // namespace ufl

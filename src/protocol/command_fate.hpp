// SPDX-License-Identifier: MIT

#pragma once

namespace ufl {

/// What becomes of the command when its lock is lost.
enum class CommandFate {
  stopped,  ///< it is stopped
  runs_on,  ///< it is not: that was not asked for
  not_run,  ///< it has not begun
  ended,    ///< it has ended by itself
};

}  // namespace ufl

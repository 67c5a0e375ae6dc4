// SPDX-License-Identifier: MIT

#pragma once

namespace ufl {

/// Which of the descriptors 0 to 2 were closed when ufl was started.
struct ClosedStandardFds {
  bool closed[3] = {false, false, false};
};

/// Put /dev/null on those of the descriptors 0 to 2 that are closed, so that no descriptor of ours
/// lands there and the command writes into it. Call it before anything else opens a file. Returns
/// which ones: they are taken away again for the command.
[[nodiscard]] ClosedStandardFds fill_standard_fds();

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// The open descriptors of this process.

#pragma once

#include <vector>

namespace ufl {

/// The numbers of the open descriptors, as /proc shows them; none where it is not mounted. One of
/// them may have been opened by this very look, and is closed by now.
[[nodiscard]] std::vector<int> open_descriptors();

/// Make `number` another number of the open `descriptor`, and close what it was the number of: by
/// dup2(2) or, where a sandbox refuses that, by fcntl(2). False: it could not be done, see errno.
[[nodiscard]] bool place_descriptor(int descriptor, int number);

/// Close all descriptors from `first` on: by close_range(2) or, where Linux before 5.9 or a sandbox
/// refuses that, one by one.
void close_descriptors_from(int first);

}  // namespace ufl

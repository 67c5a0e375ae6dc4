// SPDX-License-Identifier: MIT
//
// The open descriptors of this process.

#pragma once

#include <vector>

namespace ufl {

/// Their numbers, as /proc shows them; none where it is not mounted. One may be of the look itself,
/// and closed by now.
[[nodiscard]] std::vector<int> open_descriptors();

/// Close those of `first` and above. Not only by close_range(2), which Linux before 5.9 and some
/// sandboxes refuse.
void close_descriptors_from(int first);

}  // namespace ufl

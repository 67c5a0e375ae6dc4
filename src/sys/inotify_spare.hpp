// SPDX-License-Identifier: MIT
//
// How many inotify(7) instances a user may still make. All programs of a user share a number of
// them, 128 on most systems, and the kernel does not say how many are in use.

#pragma once

namespace ufl {

/// Could this user make `count` more now? They are made, and closed at once: that takes 3 us each,
/// or up to 20 ms while the kernel clears watches away. Where others ask at the same moment, the
/// answer may be no though there are as many.
[[nodiscard]] bool inotify_is_spare(int count);

}  // namespace ufl

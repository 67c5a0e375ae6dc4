// SPDX-License-Identifier: MIT

#pragma once

#include <sys/types.h>

namespace ufl {

/// A descriptor of the process `pid`, pidfd_open(2), which glibc wraps only since 2.36; readable
/// when that has ended, and inherited by no command. The caller closes it. -1: see errno.
[[nodiscard]] int open_pidfd(pid_t pid);

}  // namespace ufl

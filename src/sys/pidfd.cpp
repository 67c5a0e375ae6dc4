// SPDX-License-Identifier: MIT

#include "sys/pidfd.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace ufl {

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); }

}  // namespace ufl

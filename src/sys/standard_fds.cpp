// SPDX-License-Identifier: MIT

#include "sys/standard_fds.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace ufl {

ClosedStandardFds fill_standard_fds() {
  ClosedStandardFds result;
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    result.closed[fd] = true;
    // The lowest free descriptor is fd itself: those below it are open by now. Without /dev/null
    // (a bare chroot) a directory does: reads and writes of it fail, as those of a closed one do.
    if (::open("/dev/null", O_RDWR) < 0) {
      [[maybe_unused]] const int placeholder = ::open("/", O_RDONLY | O_DIRECTORY);
    }
  }
  return result;
}

}  // namespace ufl

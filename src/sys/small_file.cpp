// SPDX-License-Identifier: MIT

#include "sys/small_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "sys/unique_fd.hpp"

namespace ufl {

std::optional<std::string> read_small_file(const char* path) {
  const UniqueFd file{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!file.valid()) return std::nullopt;
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace ufl

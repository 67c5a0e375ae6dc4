// SPDX-License-Identifier: MIT

#include "sys/descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

namespace ufl {

std::vector<int> open_descriptors() {
  namespace fs = std::filesystem;
  std::vector<int> found;
  std::error_code error;
  for (fs::directory_iterator entry{"/proc/self/fd", error}, end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    int number = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc{}) {
      found.push_back(number);
    }
  }
  return found;
}

bool place_descriptor(int descriptor, int number) {
  if (descriptor == number || ::dup2(descriptor, number) == number) return true;
  ::close(number);
  return ::fcntl(descriptor, F_DUPFD, number) == number;  // the lowest that is free from there on
}

void close_descriptors_from(int first) {
  if (::close_range(static_cast<unsigned>(first), ~0U, 0) == 0) return;
  for (const int descriptor : open_descriptors()) {
    if (descriptor >= first) ::close(descriptor);
  }
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/inotify_spare.hpp"

#include <sys/inotify.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "sys/unique_fd.hpp"

namespace ufl {

bool inotify_is_spare(int count) {
  std::vector<UniqueFd> made;
  made.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    UniqueFd instance{::inotify_init1(IN_CLOEXEC)};
    if (!instance.valid()) return false;
    made.push_back(std::move(instance));
  }
  return true;
}

}  // namespace ufl

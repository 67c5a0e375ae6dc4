// SPDX-License-Identifier: MIT

#include "process/process_title.hpp"

#include <algorithm>
#include <cstring>

namespace ufl {

ProcessTitle::ProcessTitle(int argc, char** argv) {
  if (argc <= 0) return;
  // The kernel puts the words side by side, each with its NUL: execve(2), proc_pid_cmdline(5).
  begin_ = argv[0];
  const char* const end = argv[argc - 1] + std::strlen(argv[argc - 1]) + 1;
  if (end > begin_) size_ = static_cast<std::size_t>(end - begin_);
}

void ProcessTitle::set_in_child(std::string_view title) const {
  if (size_ == 0) return;
  const std::size_t length = std::min(title.size(), size_ - 1);
  std::memset(begin_, 0, size_);
  std::memcpy(begin_, title.data(), length);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <string_view>

namespace ufl {

/// The memory that the command line was handed over in, which ps(1) and pgrep(1) read: a child of
/// ufl that is not the command can write its own there. Make one in main(), of its arguments.
class ProcessTitle {
 public:
  ProcessTitle(int argc, char** argv);

  /// In a forked child: show `title`, cut to what there is room for. Async-signal-safe.
  void set_in_child(std::string_view title) const;

 private:
  char* begin_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ufl

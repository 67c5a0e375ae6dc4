// SPDX-License-Identifier: MIT

#include "report/say.hpp"

#include <unistd.h>

#include <string>

namespace ufl {

void say(std::string_view line) {
  std::string text = "ufl: ";
  text += line;
  text += '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace ufl

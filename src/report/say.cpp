// SPDX-License-Identifier: MIT

#include "report/say.hpp"

#include <poll.h>
#include <unistd.h>

#include <string>

namespace ufl {

bool write_to_stderr(std::string_view text, int milliseconds) {
  pollfd file{STDERR_FILENO, POLLOUT, 0};
  const bool ready = ::poll(&file, 1, milliseconds) == 1 && (file.revents & POLLOUT) != 0;
  if (!ready) return false;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  return true;
}

void say(std::string_view line) {
  constexpr int kPatience = 1000;
  std::string text = "ufl: ";
  text += line;
  text += '\n';
  write_to_stderr(text, kPatience);
}

}  // namespace ufl

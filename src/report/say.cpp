// SPDX-License-Identifier: MIT

#include "report/say.hpp"

#include <poll.h>
#include <unistd.h>

#include <string>

namespace ufl {

bool stderr_takes_more(int milliseconds) {
  pollfd file{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&file, 1, milliseconds) == 1 && (file.revents & POLLOUT) != 0;
}

void say(std::string_view line) {
  constexpr int kPatience = 1000;
  if (!stderr_takes_more(kPatience)) return;
  std::string text = "ufl: ";
  text += line;
  text += '\n';
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "sys/standard_error.hpp"

namespace ufl {

namespace {

// Back to the first column; and then, erase to the end of the line (ECMA-48, EL).
constexpr std::string_view kReturn = "\r";
constexpr std::string_view kEraseRest = "\x1b[K";

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_capable(int fd) {
  const std::string_view term = variable("TERM");
  return ::isatty(fd) == 1 && !term.empty() && term != "dumb";
}

bool in_foreground() { return ::tcgetpgrp(STDERR_FILENO) == ::getpgrp(); }

}  // namespace

bool stderr_is_terminal() { return is_capable(STDERR_FILENO); }

bool wants_colour(int fd) { return is_capable(fd) && variable("NO_COLOR").empty(); }

std::size_t RewrittenLine::columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return (known ? std::size_t{size.ws_col} : kUsual) - 1;
}

void RewrittenLine::draw(std::string_view line) {
  if (!in_foreground()) return;
  const std::string text = std::string{kReturn}.append(line).append(kEraseRest);
  if (write_to_stderr(text, 0) > 0) shown_ = true;
}

void RewrittenLine::clear() {
  if (!shown_) return;
  shown_ = false;
  if (in_foreground()) write_to_stderr(std::string{kReturn}.append(kEraseRest), 0);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/process_info.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <string_view>
#include <system_error>

#include "sys/small_file.hpp"

namespace ufl {

namespace {

std::optional<std::string> read_of_process(pid_t pid, const char* name) {
  return read_small_file(("/proc/" + std::to_string(pid) + '/' + name).c_str());
}

}  // namespace

std::optional<ProcessStat> process_stat(pid_t pid) {
  const auto text = read_of_process(pid, "stat");
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  // The command name in field 2 may hold blanks and brackets.
  const auto name_end = rest.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= rest.size()) return std::nullopt;
  rest.remove_prefix(name_end + 1);
  ProcessStat stat;
  stat.state = rest[1];
  constexpr int kBlanksBeforeStart = 20;  // the blank before field 3 is the first
  for (int i = 0; i < kBlanksBeforeStart; ++i) {
    const auto blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  const auto result = std::from_chars(rest.data(), rest.data() + rest.size(), stat.start);
  if (result.ec != std::errc{}) return std::nullopt;
  return stat;
}

bool process_exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

pid_t parent_process() { return ::getppid(); }

std::vector<std::string> process_command(pid_t pid) {
  std::vector<std::string> words;
  const auto text = read_of_process(pid, "cmdline");
  std::string_view rest = text ? std::string_view{*text} : std::string_view{};
  while (!rest.empty()) {
    const auto end = rest.find('\0');
    words.emplace_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return words;
}

}  // namespace ufl

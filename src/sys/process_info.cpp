// SPDX-License-Identifier: MIT

#include "sys/process_info.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "sys/file_io.hpp"
#include "sys/pidfd.hpp"

namespace ufl {

namespace {

std::string path_in_proc(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + '/' + name;
}

std::optional<std::string> read_of_process(pid_t pid, const char* name) {
  if (!proc_shows_us()) return std::nullopt;
  return read_small_file(path_in_proc(pid, name));
}

}  // namespace

bool proc_shows_us() {
  char self[32];
  const ssize_t length = ::readlink("/proc/self", self, sizeof self);
  return length > 0 &&
         std::string_view{self, static_cast<std::size_t>(length)} == std::to_string(::getpid());
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  const auto text = read_of_process(pid, "stat");
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  // The command name in field 2 may hold blanks and brackets.
  const auto name_end = rest.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= rest.size()) return std::nullopt;
  rest.remove_prefix(name_end + 1);
  ProcessStat stat;
  stat.pid = pid;
  stat.state = rest[1];
  // Fields 3 to 22, each after a blank.
  constexpr int kParent = 4;
  constexpr int kThreads = 20;
  constexpr int kStart = 22;
  for (int field = 3; field <= kStart; ++field) {
    rest.remove_prefix(1);
    const std::string value{rest.substr(0, rest.find(' '))};
    const auto read = [&value](auto& number) {
      return std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc{};
    };
    if (field == kParent) read(stat.parent);
    if (field == kThreads) read(stat.threads);
    if (field == kStart && !read(stat.start)) return std::nullopt;
    rest.remove_prefix(value.size());
    if (rest.empty() && field < kStart) return std::nullopt;
  }
  return stat;
}

std::optional<ProcessId> find_process(pid_t pid) {
  if (!process_exists(pid)) return std::nullopt;
  const auto stat = process_stat(pid);
  if (stat && has_ended(*stat)) return std::nullopt;
  return ProcessId{pid, stat ? std::optional{stat->start} : std::nullopt};
}

bool process_runs(const ProcessId& process) {
  const auto now = find_process(static_cast<pid_t>(process.pid));
  return now && (!now->start || !process.start || now->start == process.start);
}

bool process_exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

UniqueFd open_process(const ProcessId& process) {
  constexpr auto kLargest = std::numeric_limits<pid_t>::max();
  if (!process.start || process.pid < 1 || process.pid > kLargest) return UniqueFd{};
  const auto pid = static_cast<pid_t>(process.pid);
  UniqueFd pidfd{open_pidfd(pid)};
  if (!pidfd.valid()) return pidfd;
  // Looked at after the open: from then on the descriptor and the number mean the same process.
  const auto now = process_stat(pid);
  const bool is_it = now && now->start == *process.start && !has_ended(*now);
  return is_it ? std::move(pidfd) : UniqueFd{};
}

pid_t parent_process() { return ::getppid(); }

std::string process_name(pid_t pid) {
  std::string name = read_small_file(path_in_proc(pid, "comm")).value_or("");
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

bool is_pending(pid_t pid, int signal_number) {
  // ShdPnd: signals pending for the process as a whole, a bit each, in hexadecimal (proc(5)).
  constexpr std::string_view kKey = "\nShdPnd:";
  const std::string status = read_small_file(path_in_proc(pid, "status")).value_or("");
  const auto line = status.find(kKey);
  if (line == std::string::npos) return false;
  const std::uint64_t pending = std::strtoull(status.c_str() + line + kKey.size(), nullptr, 16);
  return ((pending >> static_cast<unsigned>(signal_number - 1)) & 1U) != 0;
}

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

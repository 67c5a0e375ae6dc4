// SPDX-License-Identifier: MIT

#include "sys/kernel_signs.hpp"

#include <dirent.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <sstream>
#include <system_error>

#include "sys/file_io.hpp"
#include "sys/lifeline.hpp"
#include "sys/process_info.hpp"
#include "sys/witness_file.hpp"

namespace ufl {

namespace {

// 0 and negative numbers are process groups for kill(2).
bool is_number_of_process(std::int64_t pid) {
  return pid >= 1 && pid <= std::numeric_limits<pid_t>::max();
}

// The number that a name of /proc is, or 0.
pid_t number_of(const char* name) {
  pid_t pid = 0;
  const char* const end = name + std::strlen(name);
  const auto read = std::from_chars(name, end, pid);
  return read.ec == std::errc{} && read.ptr == end ? pid : 0;
}

// A process that cannot be read has ended, or is hidden, unless this process lacks descriptors or
// memory.
bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

}  // namespace

bool KernelSigns::process_exists(std::int64_t pid) {
  return is_number_of_process(pid) && ufl::process_exists(static_cast<pid_t>(pid));
}

std::optional<ProcessStat> KernelSigns::find(std::int64_t pid) {
  if (!is_number_of_process(pid)) return std::nullopt;
  return ufl::process_stat(static_cast<pid_t>(pid));
}

std::vector<std::int64_t> KernelSigns::children() {
  std::vector<std::int64_t> pids;
  // Linux with CONFIG_PROC_CHILDREN, proc_tid_children(5). Those of the main thread: ufl has no
  // other.
  std::istringstream words{read_small_file("/proc/thread-self/children").value_or("")};
  for (std::int64_t pid = 0; words >> pid;) pids.push_back(pid);
  std::reverse(pids.begin(), pids.end());
  return pids;
}

ProcessList KernelSigns::all() {
  ProcessList list;
  if (!proc_shows_us()) {
    list.error = ENOENT;
    return list;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir("/proc"), ::closedir};
  if (!directory) {
    list.error = errno;
    return list;
  }
  for (;;) {
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): each thread would have a stream of its own
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const pid_t pid = number_of(entry->d_name);
    if (pid == 0) continue;
    errno = 0;
    if (const auto stat = process_stat(pid)) {
      list.processes.push_back(*stat);
    } else if (is_shortage(errno)) {
      break;
    }
  }
  list.error = errno;
  return list;
}

LifelineState KernelSigns::probe_lifeline(std::string_view uuid) {
  return ufl::probe_lifeline(uuid);
}

bool KernelSigns::is_witnessed(std::uint64_t uid, std::string_view uuid) {
  return ufl::is_witnessed(uid, uuid);
}

}  // namespace ufl

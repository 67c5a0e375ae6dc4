// SPDX-License-Identifier: MIT

#include "sys/host_processes.hpp"

#include <dirent.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <sstream>
#include <system_error>

#include "sys/file_io.hpp"
#include "sys/process_info.hpp"

namespace ufl {

namespace {

// The number that a name of /proc is, or 0.
pid_t number_of(const char* name) {
  pid_t pid = 0;
  const char* const end = name + std::strlen(name);
  const auto read = std::from_chars(name, end, pid);
  return read.ec == std::errc{} && read.ptr == end ? pid : 0;
}

// A process that cannot be read has ended, or is hidden from us, unless it is us who lack
// something.
bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

}  // namespace

std::optional<ProcessStat> HostProcesses::find(std::int64_t pid) {
  return process_stat(static_cast<pid_t>(pid));
}

std::vector<std::int64_t> HostProcesses::children() {
  std::vector<std::int64_t> pids;
  // Linux with CONFIG_PROC_CHILDREN, proc_tid_children(5). Those of the main thread: ufl has no
  // other.
  std::istringstream words{read_small_file("/proc/thread-self/children").value_or("")};
  for (std::int64_t pid = 0; words >> pid;) pids.push_back(pid);
  std::reverse(pids.begin(), pids.end());
  return pids;
}

ProcessList HostProcesses::all() {
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

}  // namespace ufl

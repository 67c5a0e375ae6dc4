// SPDX-License-Identifier: MIT

#include "sys/command_signs.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <system_error>

#include "sys/descriptors.hpp"
#include "sys/lifeline.hpp"

namespace ufl {

namespace {

namespace fs = std::filesystem;

std::string proc(std::int64_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::string content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// What /proc shows of a descriptor: "socket:[...]", a name that no other socket has.
std::string target_of(const fs::path& descriptor) {
  std::error_code error;
  return fs::read_symlink(descriptor, error);
}

}  // namespace

CommandSigns::CommandSigns(std::string token)
    : token_{std::move(token)}, lifeline_{find_lifeline()} {}

bool CommandSigns::mark(const ProcessStat& process) {
  return has_token(process.pid) || has_lifeline(process);
}

std::string CommandSigns::find_lifeline() const {
  for (const int descriptor : open_descriptors()) {
    const std::string uuid = lifeline_uuid(descriptor);
    if (!uuid.empty() && token_.ends_with(uuid)) {
      return target_of("/proc/self/fd/" + std::to_string(descriptor));
    }
  }
  return {};
}

// UFL_TOKENS lists the tokens of all locks that a process runs under, one a line. UFL_TOKEN alone
// is not enough: an inner ufl sets it to a token of its own, and any process may set it anew.
bool CommandSigns::has_token(std::int64_t pid) const {
  std::istringstream environment{content_of(proc(pid, "environ"))};
  for (std::string entry; std::getline(environment, entry, '\0');) {
    if (entry == "UFL_TOKEN=" + token_) return true;
    constexpr std::string_view kList = "UFL_TOKENS=";
    if (!entry.starts_with(kList)) continue;
    const std::string list = '\n' + entry.substr(kList.size()) + '\n';
    if (list.find('\n' + token_ + '\n') != std::string::npos) return true;
  }
  return false;
}

// A process has many descriptors, and this is asked again and again. A process without the lifeline
// gets none later, so that answer is kept; a new process of the same number has another key.
bool CommandSigns::has_lifeline(const ProcessStat& process) {
  const std::pair key{process.pid, process.start};
  if (lifeline_.empty() || without_lifeline_.contains(key)) return false;
  if (opens_lifeline(process.pid)) return true;
  without_lifeline_.insert(key);
  return false;
}

bool CommandSigns::opens_lifeline(std::int64_t pid) const {
  std::error_code error;
  for (fs::directory_iterator entry{proc(pid, "fd"), error}, end; !error && entry != end;
       entry.increment(error)) {
    if (target_of(entry->path()) == lifeline_) return true;
  }
  return false;
}

}  // namespace ufl

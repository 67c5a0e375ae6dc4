// SPDX-License-Identifier: MIT

#include "sys/file_io.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace ufl {

namespace {

bool makes_a_file(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

}  // namespace

// There is no other way to ask for the umask than to set it.
UmaskForOwner::UmaskForOwner() : before_{::umask(S_IRWXG | S_IRWXO)} { ::umask(mask()); }

UmaskForOwner::~UmaskForOwner() { ::umask(before_); }

UniqueFd open_file(const std::string& path, int flags, mode_t mode) {
  int file = -1;
  std::optional<UmaskForOwner> umask;
  if (makes_a_file(flags)) umask.emplace();
  do {
    file = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, mode);
  } while (file < 0 && errno == EINTR);
  return UniqueFd{file};
}

std::optional<std::string> read_some(int file, std::size_t limit) {
  std::string text;
  char buffer[4096];
  while (text.size() < limit) {
    const ssize_t count = ::read(file, buffer, std::min(sizeof buffer, limit - text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

std::optional<std::string> read_small_file(const std::string& path) {
  const UniqueFd file = open_file(path, O_RDONLY);
  return file.valid() ? read_some(file.get(), std::string::npos) : std::nullopt;
}

int write_all(int file, std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t count = ::write(file, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : ENOSPC;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

}  // namespace ufl

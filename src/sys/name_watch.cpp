// SPDX-License-Identifier: MIT

#include "sys/name_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "seams/file_system.hpp"
#include "sys/path.hpp"

namespace ufl {

namespace {

// The name is free, or the directory itself has gone.
constexpr std::uint32_t kRemoval =
    IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kAny = kRemoval | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE;

// A program that empties a file may keep it open (`exec 9>FILE`), so writes are watched, too: those
// to the file that has the name now. A watch of the directory would tell of each write to each file
// in it.
constexpr std::uint32_t kFile = IN_MODIFY | IN_DONT_FOLLOW;

// The directory has gone, or has another name.
constexpr std::uint32_t kEnd = IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF;

// Events that name no file. IN_Q_OVERFLOW: events were lost.
constexpr std::uint32_t kAboutAll = IN_Q_OVERFLOW | kEnd;

constexpr std::size_t kLargestEvent = sizeof(inotify_event) + NAME_MAX + 1;

}  // namespace

NameWatch::NameWatch(UniqueFd inotify, int watch, int file_watch, std::string name)
    : inotify_{std::move(inotify)},
      watch_{watch},
      file_watch_{file_watch},
      name_{std::move(name)} {}

std::optional<NameWatch> NameWatch::on(const std::string& path, NameEvents events) {
  UniqueFd inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  if (!inotify.valid()) return std::nullopt;
  const std::uint32_t mask = events == NameEvents::removal ? kRemoval : kAny;
  const int watch = ::inotify_add_watch(inotify.get(), directory_of(path).c_str(), mask);
  if (watch < 0) return std::nullopt;
  const int file_watch =
      events == NameEvents::any ? ::inotify_add_watch(inotify.get(), path.c_str(), kFile) : -1;
  return NameWatch{std::move(inotify), watch, file_watch, std::string{name_part(path)}};
}

void NameWatch::end() {
  ::inotify_rm_watch(inotify_.get(), watch_);
  if (file_watch_ >= 0) ::inotify_rm_watch(inotify_.get(), file_watch_);
}

bool NameWatch::drain() {
  alignas(inotify_event) char buffer[16 * kLargestEvent];
  bool concerned = false;
  for (;;) {
    const ssize_t count = ::read(inotify_.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return concerned;
    // inotify(7) gives whole events, as many as fit.
    const bool is_all = static_cast<std::size_t>(count) + kLargestEvent <= sizeof buffer;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer + at, sizeof event);
      const char* name = buffer + at + sizeof event;    // padded with null bytes
      const bool is_of_file = event.wd == file_watch_;  // whose end its name tells, too
      is_over_ = is_over_ || (!is_of_file && (event.mask & kEnd) != 0);
      concerned = concerned || is_of_file || (event.mask & kAboutAll) != 0 ||
                  (event.len > 0 && std::string_view{name} == name_);
      at += sizeof event + event.len;
    }
    if (is_all) return concerned;
  }
}

}  // namespace ufl

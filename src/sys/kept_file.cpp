// SPDX-License-Identifier: MIT

#include "sys/kept_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace ufl {

namespace {

struct flock whole_file(short type) {
  struct flock lock = {};  // l_pid must be 0
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

bool lock_description(int file) {
  struct flock lock = whole_file(F_WRLCK);
  return ::fcntl(file, F_OFD_SETLK, &lock) == 0;
}

// The next look, and the release, need a descriptor. If no other is left, this file is closed.
bool KeptFile::keep(UniqueFd file, const std::string& path) {
  const UniqueFd another{::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)};
  const bool is_beside = kept_.file.valid() && kept_.path != path;
  Named& place = is_beside ? next_ : kept_;
  place = {another.valid() ? move_up(std::move(file), on_exec_) : UniqueFd{}, path};
  return place.file.valid();
}

void KeptFile::moved(const std::string& from, const std::string& to) {
  if (next_.file.valid() && next_.path == from) kept_ = std::exchange(next_, {});
  if (kept_.path == from) kept_.path = to;
}

void KeptFile::drop_if_removed() {
  for (Named* const place : {&kept_, &next_}) {
    struct stat info = {};
    const bool is_there = place->file.valid() && ::fstat(place->file.get(), &info) == 0;
    if (is_there && info.st_nlink == 0) *place = {};
  }
  if (!kept_.file.valid()) kept_ = std::exchange(next_, {});
}

Keeper KeptFile::keeper_of(int file) const {
  struct stat info = {};
  const bool is_known = ::fstat(file, &info) == 0;
  for (const Named* const place : {&kept_, &next_}) {
    struct stat kept = {};
    const bool is_ours = is_known && place->file.valid() &&
                         ::fstat(place->file.get(), &kept) == 0 && kept.st_dev == info.st_dev &&
                         kept.st_ino == info.st_ino;
    if (is_ours) return Keeper::us;
  }
  struct flock lock = whole_file(F_RDLCK);
  if (::fcntl(file, F_OFD_GETLK, &lock) != 0) return Keeper::unknown;
  return lock.l_type == F_UNLCK ? Keeper::nobody : Keeper::somebody;
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/kept_file.hpp"

#include <fcntl.h>
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
void KeptFile::keep(UniqueFd file) {
  const UniqueFd another{::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)};
  file_ = another.valid() ? move_up(std::move(file), on_exec_) : UniqueFd{};
}

void KeptFile::drop_if_removed() {
  struct stat info = {};
  if (file_.valid() && ::fstat(file_.get(), &info) == 0 && info.st_nlink == 0) file_ = UniqueFd{};
}

Keeper KeptFile::keeper_of(int file) const {
  struct stat kept = {};
  struct stat info = {};
  const bool is_ours = file_.valid() && ::fstat(file_.get(), &kept) == 0 &&
                       ::fstat(file, &info) == 0 && kept.st_dev == info.st_dev &&
                       kept.st_ino == info.st_ino;
  if (is_ours) return Keeper::us;
  struct flock lock = whole_file(F_RDLCK);
  if (::fcntl(file, F_OFD_GETLK, &lock) != 0) return Keeper::unknown;
  return lock.l_type == F_UNLCK ? Keeper::nobody : Keeper::somebody;
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/access.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace ufl {

namespace {

// access(2) asks for the real IDs.
int check_with_access(const std::string& path, int mode) {
  return ::access(path.c_str(), mode) == 0 ? 0 : errno;
}

bool ids_are_real() { return ::geteuid() == ::getuid() && ::getegid() == ::getgid(); }

// ACLs, capabilities and security modules may say otherwise; the use of the file will show that.
int check_mode(const std::string& path, int mode) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return errno;
  const bool needs_bit = (mode & X_OK) != 0 && !S_ISDIR(info.st_mode);
  return needs_bit && (info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0 ? EACCES : 0;
}

}  // namespace

int check_access(const std::string& path, int mode) {
  if (::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0) return 0;
  // glibc uses faccessat2(2) for this since 2.33, and knows another way for ENOSYS alone. Sandboxes
  // older than that call say EPERM. So does the kernel, of files that are immutable.
  if (errno != EPERM && errno != ENOSYS) return errno;
  return ids_are_real() ? check_with_access(path, mode) : check_mode(path, mode);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/high_descriptor.hpp"

#include <fcntl.h>

namespace ufl {

namespace {

// Scripts use low numbers: `exec 3>log` would end what is on 3.
constexpr int kFirstHighFd = 100;
constexpr int kFirstFdOfOurs = 3;

}  // namespace

UniqueFd move_up(UniqueFd file, OnExec on_exec) {
  const bool keep = on_exec == OnExec::keep;
  for (int lowest = kFirstHighFd; lowest >= kFirstFdOfOurs && lowest > file.get(); --lowest) {
    UniqueFd moved{::fcntl(file.get(), keep ? F_DUPFD : F_DUPFD_CLOEXEC, lowest)};
    if (moved.valid()) return moved;
  }
  if (file.get() < kFirstFdOfOurs) return UniqueFd{};
  if (keep) ::fcntl(file.get(), F_SETFD, 0);
  return file;
}

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// What a simulated share answers.

#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "seams/file_system.hpp"

namespace ufl::sim {

/// It is done, or read: `content`, of the file `inode`.
inline FileReply ok(std::string content = {}, std::uint64_t inode = 0) {
  constexpr std::uint64_t kDevice = 1;
  FileReply reply;
  reply.status = FileStatus::ok;
  reply.content = std::move(content);
  reply.device = kDevice;
  reply.identity = inode;
  return reply;
}

/// It is not.
inline FileReply refused(FileStatus status, int error) {
  FileReply reply;
  reply.status = status;
  reply.error = error;
  return reply;
}

}  // namespace ufl::sim

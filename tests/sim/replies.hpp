// SPDX-License-Identifier: MIT
//
// What a simulated share answers.

#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "seams/file_system.hpp"

namespace ufl::sim {

// As on an overlay over two devices.
inline constexpr std::uint64_t kFileDevice = 1;
inline constexpr std::uint64_t kDirectoryDevice = 2;

/// It opens.
inline FileReply directory() {
  FileReply reply;
  reply.status = FileStatus::ok;
  reply.directory_device = kDirectoryDevice;
  return reply;
}

/// It is done, or read: `content`, of the file `inode`.
inline FileReply ok(std::string content = {}, std::uint64_t inode = 0) {
  FileReply reply;
  reply.status = FileStatus::ok;
  reply.content = std::move(content);
  reply.device = kFileDevice;
  reply.directory_device = kDirectoryDevice;
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

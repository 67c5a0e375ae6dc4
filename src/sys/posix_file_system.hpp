// SPDX-License-Identifier: MIT
//
// The file-system seam on real files. Operations run inline: start() has called `done` when it
// returns. That is right for local file systems, which do not hang; on a share that hangs it hangs,
// too.

#pragma once

#include "seams/file_system.hpp"

namespace ufl {

/// Real files, by open(2), read(2), write(2), unlink(2).
class PosixFileSystem final : public FileSystem {
 public:
  void start(const FileOperation& operation, Done done) override;
};

}  // namespace ufl

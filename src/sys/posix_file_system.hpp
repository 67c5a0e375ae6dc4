// SPDX-License-Identifier: MIT
//
// The file-system seam on real files. Operations run inline: start() has called `done` when it
// returns. That is right for local file systems, which do not hang; on a share that hangs it hangs,
// too.

#pragma once

#include "seams/file_system.hpp"
#include "sys/kept_file.hpp"

namespace ufl {

/// Real files, by open(2), read(2), write(2), unlink(2).
class PosixFileSystem final : public FileSystem {
 public:
  /// `on_exec`: do commands inherit the file that is kept?
  explicit PosixFileSystem(OnExec on_exec = OnExec::close) : kept_{on_exec} {}

  void start(const FileOperation& operation, Done done) override;

  /// The file that this process keeps.
  [[nodiscard]] const KeptFile& kept() const { return kept_; }

 private:
  KeptFile kept_;
};

}  // namespace ufl

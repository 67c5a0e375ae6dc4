// SPDX-License-Identifier: MIT

#pragma once

#include <string>

namespace ufl {

/// A file that is written once, whole or not at all. What is no regular file (a FIFO), or is a link
/// to an open descriptor (/dev/stderr), is written to as it is; other links are followed.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);

  /// Is this file the one at `path`, or would it be, were both there?
  [[nodiscard]] bool is_at(const std::string& path) const;

  /// Find out whether the file could be written now, and remove what an earlier run has left: it
  /// must not be taken for ours. Returns 0, or the errno value.
  [[nodiscard]] int prepare() const;

  /// Write `content` to a temporary file beside it, then rename that. Returns 0, or the errno
  /// value; then there is no such file.
  [[nodiscard]] int write(const std::string& content) const;

 private:
  std::string path_;
  bool in_place_ = false;
};

}  // namespace ufl

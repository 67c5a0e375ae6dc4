// SPDX-License-Identifier: MIT

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ufl {

/// A file that is written once, whole or not at all. What is no regular file (a FIFO) is written to
/// as it is. /dev/stderr, /dev/fd/N and the like are the descriptor that we were given, not another
/// one for the same file, which would have an offset of its own. Other links are followed, except
/// what others have put into a directory that everybody can write to, such as /tmp.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);

  /// Is `name` that of a temporary file? One that is old was left by a kill.
  [[nodiscard]] static bool is_temporary(std::string_view name);

  /// Is this file the one at `path`, or would it be, were both there?
  [[nodiscard]] bool is_at(const std::string& path) const;

  /// What a regular file holds that is there now, at most `limit` bytes; empty if nothing can be
  /// read.
  [[nodiscard]] std::string content(std::size_t limit) const;

  /// Find out whether the file could be written now, and remove what an earlier run has left: it
  /// must not be taken for ours. Returns 0, or the errno value.
  [[nodiscard]] int prepare() const;

  /// Write `content` to a temporary file beside it, then rename that. Returns 0, or the errno
  /// value; then there is no such file.
  [[nodiscard]] int write(const std::string& content) const;

 private:
  std::string path_;
  int refused_ = 0;  // errno value: whatever it is, it is not ours to write to
  bool in_place_ = false;
  std::optional<int> descriptor_;  // of ours
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// Being told when something happens to a name in a directory of a local file system: inotify(7).
// What other hosts do to a share is not told.

#pragma once

#include <optional>
#include <string>

#include "sys/unique_fd.hpp"

namespace ufl {

/// Which events of a name are told.
enum class NameEvents {
  any,      ///< whatever may put something else there, or change what is there now
  removal,  ///< that it is free: removed, or renamed
};

/// Watches one name.
class NameWatch {
 public:
  /// Watch the file name that `path` ends in. Nothing: the kernel refuses (its limits on inotify
  /// instances and watches, a directory that we may not read).
  [[nodiscard]] static std::optional<NameWatch> on(const std::string& path, NameEvents events);

  /// Readable when drain() has something to tell.
  [[nodiscard]] int fd() const { return inotify_.get(); }

  /// Take the events since the last call. True: one of them was about the name, or that cannot be
  /// told.
  [[nodiscard]] bool drain();

  /// Nothing more will be told: the directory has gone, or has another name.
  [[nodiscard]] bool is_over() const { return is_over_; }

  /// Tell no more, and keep the descriptor open. To close the last descriptor of a watch takes 5 to
  /// 16 ms (measured), until the kernel has cleared the watch away (fsnotify_destroy_group() in
  /// fs/notify); some time after end() it takes none. So call end() early.
  void end();

 private:
  NameWatch(UniqueFd inotify, int watch, int file_watch, std::string name);

  UniqueFd inotify_;
  int watch_;
  int file_watch_;  // -1: none
  bool is_over_ = false;
  std::string name_;
};

}  // namespace ufl

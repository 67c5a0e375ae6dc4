// SPDX-License-Identifier: MIT

#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace ufl::test {

/// A new directory, removed with all that is in it at the end of the test.
class TemporaryDirectory {
 public:
  /// Throws std::system_error when none can be made.
  TemporaryDirectory() : path_{std::filesystem::temp_directory_path() / "ufl-unit-XXXXXX"} {
    if (::mkdtemp(path_.data()) == nullptr) {
      throw std::system_error{errno, std::generic_category(), path_};
    }
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  /// The path of what `name` is in it.
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace ufl::test

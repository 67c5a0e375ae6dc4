// SPDX-License-Identifier: MIT
//
// Real files, for the tests of what the protocol relies on in them.

#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "seams/file_system.hpp"
#include "sys/posix_file_system.hpp"

namespace ufl::test {

/// Files of a directory on this machine.
class PosixSubject {
 public:
  PosixSubject() {
    std::string pattern = ::testing::TempDir() + "ufl-files-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) directory_ = pattern;
  }
  PosixSubject(const PosixSubject&) = delete;
  PosixSubject& operator=(const PosixSubject&) = delete;
  ~PosixSubject() { std::filesystem::remove_all(directory_); }

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string lock() const { return directory_ + "/lock"; }
  void start(const FileOperation& operation, FileSystem::Done done) {
    files_.start(operation, std::move(done));
  }
  /// The descriptor of the file that is kept, or -1.
  [[nodiscard]] int kept() const { return files_.kept().fd(); }
  [[nodiscard]] std::uint64_t inode() const {
    struct stat info = {};
    EXPECT_EQ(::stat(lock().c_str(), &info), 0);
    return info.st_ino;
  }
  /// flock(2) on the lock file, for as long as the result lives.
  [[nodiscard]] std::shared_ptr<const int> flock() const {
    const int file = ::open(lock().c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(::flock(file, LOCK_EX | LOCK_NB), 0);
    return {new int{file}, [](const int* descriptor) {
              ::close(*descriptor);
              delete descriptor;
            }};
  }

 private:
  PosixFileSystem files_;
  std::string directory_;
};

/// The reply to `operation`, which comes at once.
template <typename Subject>
FileReply perform_on(Subject& subject, const FileOperation& operation) {
  FileReply result;
  int replies = 0;
  subject.start(operation, [&](FileReply reply) {
    result = std::move(reply);
    ++replies;
  });
  EXPECT_EQ(replies, 1);
  return result;
}

/// What holds of real directories.
class PosixFiles : public ::testing::Test {
 protected:
  FileReply perform(const FileOperation& operation) { return perform_on(subject_, operation); }
  FileReply read(std::size_t limit = 4096) { return perform(ReadFile{lock_, limit}); }

  PosixSubject subject_;
  std::string directory_ = subject_.directory();
  std::string lock_ = subject_.lock();
};

}  // namespace ufl::test

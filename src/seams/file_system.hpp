// SPDX-License-Identifier: MIT
//
// Seam: one client's view of the directory that the lock file lies in.
//
// The protocol says what it wants as a value (`FileOperation`) and is told the outcome later
// (`FileReply`). It never waits inside an operation, so the same protocol runs against real files
// and against a simulator that slips other contenders between any two operations.
//
// Not promised: that an operation which was reported as failed has not taken effect (a reply can be
// lost), or that what one client wrote is visible to the next reader at once.

#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace ufl {

/// Open `path` afresh and read at most `limit` bytes of it. Only a regular file is ever read, no
/// symbolic link is followed, and a FIFO does not block. With `asks_keeper`, on a local file
/// system, FileReply::keeper is told of a file that may have been emptied or cut short: of one that
/// does not end as every record does, in a brace and a line feed.
struct ReadFile {
  std::string path;
  std::size_t limit = 0;
  bool asks_keeper = false;
  bool with_directory = false;  ///< tell FileReply::directory_device, too
};

/// Create `path`, which must not exist, and write `content` with one write(2); then close. With
/// `sync` the content is flushed to the server (fsync(2)) before close, as a share needs it;
/// without it, where the file system can do that, the name appears together with the content. With
/// `kept`, and without `sync`, this process keeps the file, in place of the one that it kept
/// before, until it has no name any more or this process ends. Others see that it is kept
/// (FileReply::keeper), where the kernel lets them, before they can see the file.
struct CreateExclusive {
  std::string path;
  std::string content;
  bool sync = false;
  bool kept = false;
};

/// What a file must hold to be removed or replaced, where every program that removes or replaces it
/// can be kept out meanwhile: on a local file system. It is checked, and the operation done, while
/// flock(2) holds the file; so of several who do it in this way, only one does.
/// A content of kMostCompared bytes is what was read of a file that may be longer: compared with
/// the beginning. No content at all is what a file holds that was emptied, too: it counts as
/// changed while another process keeps the file.
using OnlyIf = std::optional<std::string>;
inline constexpr std::size_t kMostCompared = 4096;

/// Remove the name `path`. Without `only_if` whatever it holds: the caller has just looked.
struct RemoveFile {
  std::string path;
  OnlyIf only_if{};
};

/// Give the file `from` the name `path`, in place of what has it: rename(2).
struct ReplaceFile {
  std::string path;
  std::string from;
  OnlyIf only_if{};
};

/// Write `content` over what the file at `path` holds, if that is `expected`, which has the same
/// length. It is opened once, and neither made nor cut: whatever takes the name meanwhile is not
/// touched. `sync` as for CreateExclusive. With `locked` it is compared and written while flock(2)
/// holds the file: nobody who keeps to OnlyIf removes or replaces it then, or is about to. With
/// `restores`, `expected` is shorter, the beginning of `content` that was left; and that is written
/// into the file that this process keeps, and into no other, which counts as changed.
struct UpdateFile {
  std::string path;
  std::string expected;
  std::string content;
  bool sync = false;
  bool locked = false;
  bool restores = false;
};

/// Does the directory that `path` lies in open, and can names in it be looked up?
struct ProbeDirectory {
  std::string path;
};

/// One file operation: what a protocol machine asks for in one step.
using FileOperation =
    std::variant<ReadFile, CreateExclusive, RemoveFile, ReplaceFile, UpdateFile, ProbeDirectory>;

/// What of `path` tells the directory that it lies in: up to the last slash, with that; empty for a
/// bare name.
[[nodiscard]] constexpr std::string_view directory_part(std::string_view path) {
  return path.substr(0, path.rfind('/') + 1);
}

/// The name that `path` gives a file in its directory: what follows the last slash.
[[nodiscard]] constexpr std::string_view name_part(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// What became of a file operation, as far as the protocol tells outcomes apart.
enum class FileStatus {
  ok,
  not_found,    ///< ENOENT: the only answer that means "free"
  exists,       ///< EEXIST
  stale,        ///< ESTALE: the share forgot the handle; says nothing about the name by itself
  denied,       ///< EPERM, EACCES; some shares say so where EEXIST is meant
  not_regular,  ///< something that can never be a lock file stands at the path
  bad_path,     ///< ENOTDIR, ENAMETOOLONG, a loop of links: no file can ever be there
  exhausted,    ///< EMFILE: this process may open no more files, nothing was tried
  changed,      ///< it does not hold `only_if` or `expected` (any more): nothing was done
  busy,         ///< somebody else holds flock(2) on it, or uses it (EBUSY): nothing was done
  failed,       ///< everything else: cannot tell
};

/// Which process shows that it lives by keeping a file (CreateExclusive).
enum class Keeper {
  unknown,   ///< not asked, or the kernel does not say
  nobody,    ///< nobody is seen: that proves nothing
  somebody,  ///< another process
  us,        ///< this process
};

/// What stands at a path.
enum class FileKind { regular, directory, symlink, fifo, socket, device };

/// The outcome of one file operation.
struct FileReply {
  FileStatus status = FileStatus::failed;
  /// The errno value behind a status other than ok, for messages; 0 when there is none.
  int error = 0;
  /// With FileStatus::not_regular: what is there instead.
  FileKind kind = FileKind::regular;
  /// ReadFile: what was read. UpdateFile with FileStatus::changed: what stands there instead.
  std::string content;
  /// ReadFile, UpdateFile with FileStatus::changed: st_dev of the file; 0 when it is not known.
  std::uint64_t device = 0;
  /// ProbeDirectory, ReadFile with `with_directory`: st_dev of the directory, which may be another
  /// one; 0 when it is not known.
  std::uint64_t directory_device = 0;
  /// ReadFile: another number when the file is another one, or was changed; 0: not known.
  std::uint64_t identity = 0;
  /// ReadFile with `asks_keeper`: of a file that may have been emptied or cut short.
  /// CreateExclusive with `kept`: us, if others can see that.
  Keeper keeper = Keeper::unknown;
  /// CreateExclusive that did not end in ok: the file was made, perhaps without all its content.
  bool created = false;
};

/// Is it flock(2) of somebody else's that kept the operation from being done?
[[nodiscard]] inline bool is_flocked(const FileReply& reply) {
  return reply.status == FileStatus::busy && reply.error != EBUSY;
}

/// Performs file operations, one at a time for each caller.
class FileSystem {
 public:
  using Done = std::function<void(FileReply)>;

  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  /// Begin `operation`; call `done` once with its outcome, before or after returning.
  virtual void start(const FileOperation& operation, Done done) = 0;
};

}  // namespace ufl

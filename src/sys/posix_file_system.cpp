// SPDX-License-Identifier: MIT

#include "sys/posix_file_system.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "sys/access.hpp"
#include "sys/file_io.hpp"
#include "sys/path.hpp"
#include "sys/unique_fd.hpp"

namespace ufl {

namespace {

FileKind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileKind::directory;
    case S_IFLNK:
      return FileKind::symlink;
    case S_IFIFO:
      return FileKind::fifo;
    case S_IFSOCK:
      return FileKind::socket;
    case S_IFCHR:
    case S_IFBLK:
      return FileKind::device;
    default:
      return FileKind::regular;
  }
}

FileStatus status_of(int error) {
  switch (error) {
    case ENOENT:
      return FileStatus::not_found;
    case EEXIST:
      return FileStatus::exists;
    case ESTALE:
      return FileStatus::stale;
    case EPERM:
    case EACCES:
      return FileStatus::denied;
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return FileStatus::bad_path;
    case EMFILE:
      return FileStatus::exhausted;
    case EBUSY:
      return FileStatus::busy;
    default:
      return FileStatus::failed;
  }
}

FileReply failure(int error) {
  FileReply reply;
  reply.status = status_of(error);
  reply.error = error;
  return reply;
}

FileReply success() {
  FileReply reply;
  reply.status = FileStatus::ok;
  return reply;
}

FileReply not_regular(mode_t mode) {
  FileReply reply;
  reply.status = FileStatus::not_regular;
  reply.kind = kind_of(mode);
  return reply;
}

// What an open that followed no link could not open: ELOOP (a link), ENXIO (a socket, a device that
// is not there), EISDIR ("dir/"). Each may have other causes, so look at what is there.
FileReply open_failure(const std::string& path, int error) {
  if (error == ELOOP || error == ENXIO || error == ENODEV || error == EISDIR) {
    struct stat info = {};
    if (::lstat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
      return not_regular(info.st_mode);
    }
    if (error == EISDIR) return failure(ENOENT);  // "none/", and there is no such directory
  }
  return failure(error);
}

// An inode number is soon used again; its time of change then is another one.
std::uint64_t identity_of(const struct stat& info) {
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  const auto changed = static_cast<std::uint64_t>(info.st_ctim.tv_sec) * kNanoseconds +
                       static_cast<std::uint64_t>(info.st_ctim.tv_nsec);
  const std::uint64_t mixed = changed * 0x9E37'79B9'7F4A'7C15 ^ info.st_ino;
  return mixed != 0 ? mixed : 1;
}

// Every record of ufl's ends like that, and the kernel is asked nothing more about such a file:
// each look would cost that.
bool may_be_cut(std::string_view content) { return !content.ends_with("}\n"); }

FileReply perform(const ReadFile& operation, const KeptFile& kept) {
  // O_NONBLOCK: opening a FIFO for reading must not wait for a writer.
  const UniqueFd file = open_file(operation.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file.valid()) return open_failure(operation.path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return failure(errno);
  if (!S_ISREG(info.st_mode)) return not_regular(info.st_mode);

  auto content = read_some(file.get(), operation.limit);
  if (!content) return failure(errno);
  FileReply reply = success();
  reply.device = info.st_dev;
  reply.identity = identity_of(info);
  reply.content = std::move(*content);
  if (operation.asks_keeper && may_be_cut(reply.content)) {
    reply.keeper = kept.keeper_of(file.get());
  }
  if (operation.with_directory && ::stat(directory_of(operation.path).c_str(), &info) == 0) {
    reply.directory_device = info.st_dev;
  }
  return reply;
}

// 0, or the errno value of what went wrong.
template <typename Operation>
int write_and_sync(int fd, const Operation& operation) {
  if (const int error = write_all(fd, operation.content); error != 0) return error;
  // EINVAL, EROFS: the file system has no fsync; then close is all that there is.
  if (!operation.sync || ::fsync(fd) == 0 || errno == EINVAL || errno == EROFS) return 0;
  const bool is_refused = errno == EPERM || errno == ENOSYS;  // by a sandbox
  return is_refused && ::fdatasync(fd) == 0 ? 0 : errno;
}

// `error`, or that of close(2), which is where NFS and FUSE report what became of the write; EINTR
// means closed on Linux.
int close_after(int error, UniqueFd file) {
  const bool closed = ::close(file.release()) == 0 || errno == EINTR;
  return closed || error != 0 ? error : errno;
}

FileReply write_failure(int error) {
  FileReply reply = failure(error);
  reply.status = FileStatus::failed;  // EACCES of a write is not EACCES of the create
  return reply;
}

// `file` was made; `is_seen`: others can see that it is kept.
FileReply created(const CreateExclusive& operation, UniqueFd file, bool is_seen, KeptFile& kept) {
  FileReply reply = success();
  if (!operation.kept) return reply;
  const bool is_kept = kept.keep(std::move(file), operation.path);
  if (is_seen && is_kept) reply.keeper = Keeper::us;
  return reply;
}

// On a local file system the content comes before the name: a file that has none is written, and
// then linked (open(2), O_TMPFILE). So the file is never empty, a kill in between leaves nothing,
// and the following, which leaves a file that is nobody's, cannot happen:
//   1 A program that creates without O_EXCL looks: absent.  2 We create.  3 It opens, truncating.
//   4 We write.  5 It writes over the beginning of that.
// None: not possible here. Create in the ordinary way, which names the error, too.
std::optional<FileReply> create_by_link(const CreateExclusive& operation, KeptFile& kept) {
  if (operation.path.ends_with('/')) return {};
  UniqueFd file = open_file(directory_of(operation.path), O_WRONLY | O_TMPFILE, kNewFileMode);
  if (!file.valid()) return {};
  if (const int error = write_and_sync(file.get(), operation); error != 0) {
    return write_failure(error);
  }
  const bool is_seen = operation.kept && lock_description(file.get());
  // Needs CAP_DAC_READ_SEARCH on older kernels (ENOENT without), but no /proc, which is slow to
  // look a new process up in.
  int result = ::linkat(file.get(), "", AT_FDCWD, operation.path.c_str(), AT_EMPTY_PATH);
  if (result != 0 && errno != EEXIST) {
    const std::string unnamed = "/proc/self/fd/" + std::to_string(file.get());
    result =
        ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, operation.path.c_str(), AT_SYMLINK_FOLLOW);
  }
  if (result == 0) return created(operation, std::move(file), is_seen, kept);
  if (errno == EEXIST) return failure(EEXIST);
  return {};
}

// An empty file on a local disk may be taken over when it has been left alone for long enough
// (protocol/replacing.hpp), under flock(2). So its creator fills it under flock(2), too. Otherwise:
//   1 We create, and are stopped for ten seconds.  2 A taker locks the file, and finds it empty.
//   3 We go on: write, verify, hold.  4 It renames its record over ours, verifies, holds.
bool is_taken_over_already(int file) {
  return ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

FileReply perform(const CreateExclusive& operation, KeptFile& kept) {
  if (!operation.sync) {
    if (const auto reply = create_by_link(operation, kept)) return *reply;
  }
  UniqueFd file = open_file(operation.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kNewFileMode);
  if (!file.valid()) return open_failure(operation.path, errno);
  if (!operation.sync && is_taken_over_already(file.get())) return failure(EEXIST);
  const bool is_kept = operation.kept && !operation.sync;
  const bool is_seen = is_kept && lock_description(file.get());
  int error = write_and_sync(file.get(), operation);
  if (!operation.sync) ::flock(file.get(), LOCK_UN);
  if (error == 0 && is_kept) return created(operation, std::move(file), is_seen, kept);
  error = close_after(error, std::move(file));
  if (error == 0) return success();
  FileReply reply = write_failure(error);
  reply.created = true;
  return reply;
}

FileReply reply_of(int result) { return result == 0 ? success() : failure(errno); }

FileReply nothing_done(FileStatus status) {
  FileReply reply;
  reply.status = status;
  return reply;
}

// Does `file` hold `content`, in the sense of OnlyIf?
bool holds(int file, std::string_view content) {
  return read_some(file, std::min(content.size() + 1, kMostCompared)) == content;
}

// Take flock(2) of `file`, which `path` must still name; it ends with the descriptor. Returns the
// reply that says why not, or nothing.
std::optional<FileReply> lock(int file, const std::string& path) {
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? nothing_done(FileStatus::busy) : failure(errno);
  }
  struct stat held = {};
  struct stat named = {};
  if (::fstat(file, &held) != 0 || ::lstat(path.c_str(), &named) != 0) return failure(errno);
  const bool same = held.st_dev == named.st_dev && held.st_ino == named.st_ino;
  if (!same) return nothing_done(FileStatus::changed);
  return {};
}

// Do `action` while we hold the file at `path`, if it holds `content`. The flock is on the inode
// that was opened; that `path` still names it shows that nobody who does the same was faster, and
// the open descriptor keeps its number from being used again. So a program that is stopped here,
//   1 A: flock, path names the inode  2 A is stopped  3 B, C: EWOULDBLOCK, look again  4 A goes on
// cannot remove or replace what somebody else has put there meanwhile.
//
// An empty file may belong to a holder that lives:
//   1 H holds.  2 A program empties its file.  3 A: flock, the file is empty  4 A renames its
//   record over it  5 H, which was stopped, goes on: two hold
// So A asks once more, under the flock, whether a process keeps the file: H writes its record back
// under the flock, too.
template <typename Action>
FileReply while_locked(const std::string& path, const std::string& content, const KeptFile& kept,
                       Action action) {
  const UniqueFd file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file.valid()) return open_failure(path, errno);
  if (auto refused = lock(file.get(), path)) return *std::move(refused);
  const bool is_kept = content.empty() && kept.keeper_of(file.get()) == Keeper::somebody;
  const bool is_as_read = !is_kept && holds(file.get(), content);
  return is_as_read ? action() : nothing_done(FileStatus::changed);
}

template <typename Operation, typename Action>
FileReply perform_guarded(const Operation& operation, const KeptFile& kept, Action action) {
  if (!operation.only_if) return action();
  return while_locked(operation.path, *operation.only_if, kept, action);
}

FileReply perform(const RemoveFile& operation, KeptFile& kept) {
  FileReply reply =
      perform_guarded(operation, kept, [&] { return reply_of(::unlink(operation.path.c_str())); });
  if (reply.status == FileStatus::ok) kept.drop_if_removed();
  return reply;
}

FileReply perform(const ReplaceFile& operation, KeptFile& kept) {
  FileReply reply = perform_guarded(operation, kept, [&] {
    return reply_of(::rename(operation.from.c_str(), operation.path.c_str()));
  });
  if (reply.status == FileStatus::ok) kept.moved(operation.from, operation.path);
  return reply;
}

FileReply perform(const UpdateFile& operation, const KeptFile& kept) {
  UniqueFd file = open_file(operation.path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (!file.valid()) return open_failure(operation.path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return failure(errno);
  if (!S_ISREG(info.st_mode)) return not_regular(info.st_mode);
  if (operation.locked) {
    if (auto refused = lock(file.get(), operation.path)) return *std::move(refused);
  }
  if (operation.restores && kept.keeper_of(file.get()) != Keeper::us) {
    return nothing_done(FileStatus::changed);
  }
  auto content = read_some(file.get(), kMostCompared);
  if (!content) return failure(errno);
  if (*content != operation.expected) {
    FileReply reply = nothing_done(FileStatus::changed);
    reply.device = info.st_dev;
    reply.content = std::move(*content);
    return reply;
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return failure(errno);
  int error = write_and_sync(file.get(), operation);
  error = close_after(error, std::move(file));
  return error == 0 ? success() : write_failure(error);
}

FileReply perform(const ProbeDirectory& operation, const KeptFile& /*kept*/) {
  const std::string directory = directory_of(operation.path);
  // Looking "." up in it asks for search permission; O_PATH alone may be answered from a cache, so
  // a readable directory is opened for real.
  UniqueFd opened = open_file(directory + ".", O_RDONLY | O_DIRECTORY);
  if (!opened.valid() && errno == EACCES) {
    opened = open_file(directory + ".", O_PATH | O_DIRECTORY);
  }
  if (!opened.valid()) return failure(errno);
  if (const int error = check_access(directory, X_OK); error != 0) return failure(error);
  FileReply reply = success();
  struct stat info = {};
  if (::fstat(opened.get(), &info) == 0) reply.directory_device = info.st_dev;
  return reply;
}

}  // namespace

void PosixFileSystem::start(const FileOperation& operation, Done done) {
  done(std::visit([this](const auto& wanted) { return perform(wanted, kept_); }, operation));
}

}  // namespace ufl

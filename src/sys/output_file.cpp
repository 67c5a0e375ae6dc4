// SPDX-License-Identifier: MIT

#include "sys/output_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "seams/file_system.hpp"
#include "sys/file_io.hpp"
#include "sys/path.hpp"
#include "sys/unique_fd.hpp"

namespace ufl {

namespace {

std::optional<std::string> resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real{::realpath(path.c_str(), nullptr),
                                                         &std::free};
  if (!real) return std::nullopt;
  return std::string{real.get()};
}

// A descriptor of this process that `path` names; -1: there can be no such descriptor.
std::optional<int> descriptor_of(const std::string& path) {
  constexpr std::string_view kStandard[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
  const auto* standard = std::find(std::begin(kStandard), std::end(kStandard), path);
  if (standard != std::end(kStandard)) return static_cast<int>(standard - std::begin(kStandard));
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!path.starts_with(directory)) continue;
    int number = -1;
    const char* end = path.data() + path.size();
    const auto parsed = std::from_chars(path.data() + directory.size(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end ? number : -1;
  }
  return std::nullopt;
}

// To rename something over /dev/stdout or /dev/fd/3 would take it away from everybody.
bool is_descriptor(const std::string& path) {
  const bool in_proc = path.starts_with("/proc/") && path.find("/fd/") != std::string::npos;
  return in_proc || descriptor_of(path).has_value();
}

// The descriptor may block, as the program that gave it to us has left it: a reader that does not
// read must not keep ufl.
int write_to_descriptor(int descriptor, const std::string& content) {
  constexpr int kPatience = 1000;
  pollfd file{descriptor, POLLOUT, 0};
  if (::poll(&file, 1, kPatience) == 0) return EAGAIN;
  return write_all(descriptor, content);
}

// What has this name in `directory`, even if it is a link. All else is asked of the descriptor: the
// name may stand for another file by then.
UniqueFd open_itself(const UniqueFd& directory, const std::string& name) {
  return UniqueFd{::openat(directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
}

// Where everybody can put links, those of others lead where they like. This is the rule of
// fs.protected_symlinks, proc_sys_fs(5), for those who read links by hand.
bool may_follow(const struct stat& link, const struct stat& directory) {
  constexpr mode_t kOpenToAll = S_ISVTX | S_IWOTH;
  const bool is_open_to_all = (directory.st_mode & kOpenToAll) == kOpenToAll;
  return !is_open_to_all || link.st_uid == ::geteuid() || link.st_uid == directory.st_uid;
}

struct Target {
  std::optional<std::string> path;  // none: it leads nowhere
  int refused = 0;                  // errno value: somebody's link, which is not followed
};

// Where the link at `path` leads, also if nothing is there (yet). What a descriptor is a link to is
// not asked: "pipe:[7]" is no path, and a file has other readers.
Target target_of(std::string path) {
  constexpr int kMaxLinks = 40;  // as the kernel, path_resolution(7)
  for (int links = 0; links < kMaxLinks; ++links) {
    if (is_descriptor(path)) return {path};
    const std::string parent = directory_of(path);
    const UniqueFd directory{::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const UniqueFd link = open_itself(directory, std::string{name_part(path)});
    struct stat directory_info = {};
    struct stat info = {};
    if (!link.valid() || ::fstat(link.get(), &info) != 0 || !S_ISLNK(info.st_mode)) return {path};
    const bool is_ours =
        ::fstat(directory.get(), &directory_info) == 0 && may_follow(info, directory_info);
    if (!is_ours) return {std::nullopt, EACCES};
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(link.get(), "", target, sizeof target);
    if (length <= 0) return {path};
    const std::string name{target, static_cast<std::size_t>(length)};
    path = name.starts_with('/') ? name : directory_of(path).append(name);
  }
  return {};
}

// The path of a file that need not be there, in a directory that is.
std::optional<std::string> resolved_name(const std::string& path) {
  if (auto real = resolved(path)) return real;
  const auto directory = resolved(directory_of(path));
  if (!directory) return std::nullopt;
  return (*directory + '/').append(name_part(path));
}

constexpr std::string_view kTemporary = ".ufl-report-";

/// A file beside another one, with a name of its own until it is renamed; removed unless it is.
class Temporary {
 public:
  explicit Temporary(const std::string& beside)
      : name_{directory_of(beside).append(kTemporary) + "XXXXXX"} {
    file_ = UniqueFd{::mkostemp(name_.data(), O_CLOEXEC)};
    if (!file_.valid()) error_ = errno;
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (error_ == 0 && !renamed_) ::unlink(name_.c_str());
  }

  [[nodiscard]] int error() const { return error_; }

  [[nodiscard]] int write_and_rename(const std::string& content, const std::string& path) {
    // mkostemp(3) makes it ours alone; others read reports, too.
    const UmaskForOwner umask;
    if (::fchmod(file_.get(), kNewFileMode & ~umask.mask()) != 0) return errno;
    if (const int error = write_all(file_.get(), content); error != 0) return error;
    if (::close(file_.release()) != 0 && errno != EINTR) return errno;
    if (::rename(name_.c_str(), path.c_str()) != 0) return errno;
    renamed_ = true;
    return 0;
  }

 private:
  std::string name_;
  UniqueFd file_;
  int error_ = 0;
  bool renamed_ = false;
};

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_{path} {
  const Target target = target_of(path);
  refused_ = target.refused;
  if (!target.path) {
    in_place_ = true;  // a link: whatever it leads to is not replaced
    return;
  }
  path_ = *target.path;
  descriptor_ = descriptor_of(path_);
  struct stat info = {};
  in_place_ =
      is_descriptor(path_) || (::lstat(path_.c_str(), &info) == 0 && !S_ISREG(info.st_mode));
}

bool OutputFile::is_temporary(std::string_view name) { return name.starts_with(kTemporary); }

bool OutputFile::is_at(const std::string& path) const {
  struct stat ours_info = {};
  struct stat info = {};
  if (::stat(path_.c_str(), &ours_info) == 0 && ::stat(path.c_str(), &info) == 0) {
    return ours_info.st_dev == info.st_dev && ours_info.st_ino == info.st_ino;
  }
  const auto ours = resolved_name(path_);
  return ours && ours == resolved_name(path);
}

std::string OutputFile::content(std::size_t limit) const {
  if (in_place_) return {};
  const UniqueFd file = open_file(path_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  return file.valid() ? read_some(file.get(), limit).value_or("") : std::string{};
}

int OutputFile::prepare() const {
  if (refused_ != 0) return refused_;
  if (descriptor_) {
    const int flags = ::fcntl(*descriptor_, F_GETFL);
    if (flags < 0) return errno;
    return (flags & O_ACCMODE) == O_RDONLY ? EBADF : 0;
  }
  if (in_place_) {
    // A reader of a FIFO may come later.
    struct stat info = {};
    if (::fstatat(AT_FDCWD, path_.c_str(), &info, is_descriptor(path_) ? 0 : AT_SYMLINK_NOFOLLOW) !=
        0) {
      return errno;
    }
    if (S_ISLNK(info.st_mode)) return ELOOP;
    if (S_ISDIR(info.st_mode)) return EISDIR;
    if (S_ISSOCK(info.st_mode)) return ENXIO;  // what open(2) will say
    return ::access(path_.c_str(), W_OK) == 0 ? 0 : errno;
  }
  const Temporary attempt{path_};
  if (attempt.error() != 0) return attempt.error();
  return ::unlink(path_.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

int OutputFile::write(const std::string& content) const {
  if (refused_ != 0) return refused_;
  if (descriptor_) return write_to_descriptor(*descriptor_, content);
  if (in_place_) {
    const int kind = is_descriptor(path_) ? 0 : O_NOFOLLOW;  // those are links, and the kernel's
    const UniqueFd file = open_file(path_, O_WRONLY | O_APPEND | O_NONBLOCK | kind);
    return file.valid() ? write_all(file.get(), content) : errno;
  }
  Temporary file{path_};
  return file.error() != 0 ? file.error() : file.write_and_rename(content, path_);
}

}  // namespace ufl

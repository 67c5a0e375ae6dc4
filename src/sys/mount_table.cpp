// SPDX-License-Identifier: MIT

#include "sys/mount_table.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "sys/file_io.hpp"

namespace ufl {

namespace {

// No shorter delay is known to be safe; uuid_filelock, the original, has the same default.
constexpr Duration kShareDelay = std::chrono::seconds{1};

// This kernel alone arbitrates. overlay: its upper layer is local, the kernel refuses any other
// (fs/overlayfs, ovl_dentry_remote).
constexpr std::array kLocalTypes{"ext2", "ext3",  "ext4",     "xfs",   "btrfs",  "f2fs",
                                 "zfs",  "tmpfs", "devtmpfs", "ramfs", "overlay"};

// Exclusive create is atomic at the server: measured with two clients of one share, two racing
// creators, 200 rounds each; nfs is v3, which has had it since its RFC (1813, section 3.3.8).
constexpr std::array kAtomicShares{"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"};

// A change is uploaded to the path that the file had when it was opened, some time after close.
// Plain "fuse" is what davfs2 shows.
constexpr std::array kPathStores{"davfs",          "fuse",         "fuse.davfs",
                                 "fuse.rclone",    "fuse.s3fs",    "fuse.gcsfuse",
                                 "fuse.goofys",    "fuse.s3ql",    "fuse.blobfuse",
                                 "fuse.blobfuse2", "fuse.geesefs", "fuse.mountpoint-s3",
                                 "fuse.curlftpfs"};

// V of the content of a file that exists, such as the heartbeat in a record: measured with two
// clients of one share, the longest of some hundred changes. A type that was not measured counts as
// a second.
Duration view_of(std::string_view type) {
  if (type == "nfs" || type == "nfs4") return std::chrono::milliseconds{100};
  if (type == "cifs" || type == "smb3") return std::chrono::milliseconds{1500};
  return std::chrono::seconds{1};
}

// statfs(2), f_type, of the local kinds that a root directory has.
std::string_view type_of_root() {
  struct statfs info = {};
  if (::statfs("/", &info) != 0) return "";
  switch (static_cast<unsigned long>(info.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    default:
      return "";
  }
}

template <typename Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Blank, tab, newline and backslash are written as \ooo in mountinfo.
std::string unescape(std::string_view field) {
  std::string text;
  text.reserve(field.size());
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escape = field[i] == '\\' && i + 3 < field.size();
    if (!escape) {
      text += field[i];
      continue;
    }
    text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                              (field[i + 3] - '0'));
    i += 3;
  }
  return text;
}

// The next part of `text`, up to `separator`; it is taken off. Empty parts are skipped.
std::string_view take_part(std::string_view& text, char separator) {
  text.remove_prefix(std::min(text.find_first_not_of(separator), text.size()));
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(part.size());
  return part;
}

// All but `point` are views of the text of mountinfo, because a host may have thousands of mounts.
struct Mount {
  std::string_view id;
  std::string_view parent;
  std::string point;
  std::string_view type;
};

std::vector<Mount> parse_mountinfo(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (auto line = take_part(mountinfo, '\n'); !line.empty(); line = take_part(mountinfo, '\n')) {
    Mount mount;
    mount.id = take_part(line, ' ');
    mount.parent = take_part(line, ' ');
    take_part(line, ' ');  // device
    take_part(line, ' ');  // root
    const std::string_view point = take_part(line, ' ');
    take_part(line, ' ');  // options
    auto field = take_part(line, ' ');
    while (!field.empty() && field != "-") field = take_part(line, ' ');
    mount.type = take_part(line, ' ');
    if (mount.type.empty()) continue;
    mount.point = unescape(point);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// What stands on `point` of the mount `below`: the mount there or, where several lie on one
// another, the uppermost. A mount point that another mount hides has a parent that is not on the
// way.
const Mount* mounted_on(const std::vector<Mount>& mounts, const std::string& point,
                        const Mount& below) {
  const Mount* top = nullptr;
  for (const Mount& mount : mounts) {
    const Mount& base = top != nullptr ? *top : below;
    if (mount.point == point && mount.parent == base.id) top = &mount;
  }
  return top;
}

// The root of this process. In a chroot(2) into a plain directory no mount point is "/", and the
// mount that the root lies on is named only as the parent of others. Its type is then that of the
// root directory, and statfs(2) of that cannot hang: this process runs from it.
Mount root_mount(const std::vector<Mount>& mounts) {
  const Mount* root = nullptr;
  for (const Mount& mount : mounts) {
    if (mount.point == "/") root = &mount;
  }
  if (root != nullptr) return *root;
  const auto is_told = [&](std::string_view id) {
    return std::any_of(mounts.begin(), mounts.end(),
                       [&](const Mount& mount) { return mount.id == id; });
  };
  Mount hidden{"", "", "/", type_of_root()};
  for (const Mount& mount : mounts) {
    if (!is_told(mount.parent)) hidden.id = mount.parent;
  }
  return hidden;
}

struct Link {
  std::optional<std::string> target;  // nothing: it is none, or not there
  bool refused = false;               // a sandbox forbids to ask
};

Link read_link(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  if (length < 0) return {{}, errno == EPERM || errno == ENOSYS};
  if (length == 0 || static_cast<std::size_t>(length) >= sizeof target) return {};
  return {std::string{target, static_cast<std::size_t>(length)}};
}

// The directories still to be walked, outermost first.
void push_front(std::deque<std::string>& names, std::string_view path) {
  std::vector<std::string_view> parts;
  for (auto part = take_part(path, '/'); !part.empty(); part = take_part(path, '/')) {
    parts.push_back(part);
  }
  names.insert(names.begin(), parts.begin(), parts.end());
}

}  // namespace

MountTraits traits_of_type(std::string_view type) {
  MountTraits traits;
  traits.type = std::string{type};
  traits.local = contains(kLocalTypes, type);
  traits.atomic_create = traits.local || contains(kAtomicShares, type);
  traits.delay = traits.local ? Duration::zero() : kShareDelay;
  traits.view = traits.local ? Duration::zero() : view_of(type);
  traits.writes_by_path = contains(kPathStores, type);
  return traits;
}

MountTraits find_mount(const std::string& path, std::string_view mountinfo) {
  constexpr int kMaxLinks = 40;  // as the kernel, path_resolution(7)
  const auto mounts = parse_mountinfo(mountinfo);
  if (mounts.empty() || !path.starts_with('/')) return traits_of_type("");

  std::deque<std::string> names;
  push_front(names, path);
  const Mount root = root_mount(mounts);
  // The mount that each directory on the way lies on; back() is where we stand.
  std::vector<std::pair<std::string, const Mount*>> way{{"", &root}};
  int links = 0;
  // The last name is the lock file itself, which is never followed.
  while (names.size() > 1) {
    const std::string name = names.front();
    names.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    const std::string here = way.back().first + '/' + name;
    const Mount& below = *way.back().second;
    if (const Mount* mount = mounted_on(mounts, here, below)) {
      way.emplace_back(here, mount);
      continue;
    }
    const Link link = contains(kLocalTypes, below.type) ? read_link(here) : Link{};
    if (link.refused) return traits_of_type("");  // it may lead to a share
    if (link.target) {
      if (++links > kMaxLinks) return traits_of_type("");
      if (link.target->starts_with('/')) way.resize(1);
      push_front(names, *link.target);
      continue;
    }
    way.emplace_back(here, &below);
  }
  MountTraits traits = traits_of_type(way.back().second->type);
  const std::string file = way.back().first + '/' + (names.empty() ? "" : names.front());
  traits.mounted_alone = mounted_on(mounts, file, *way.back().second) != nullptr;
  return traits;
}

MountTraits find_mount(const std::string& path) {
  const auto mountinfo = read_small_file("/proc/self/mountinfo");
  MountTraits traits =
      find_mount(path, mountinfo ? std::string_view{*mountinfo} : std::string_view{});
  // A directory is one, too, and no lock for that reason.
  struct stat info = {};
  const bool is_file = traits.mounted_alone && ::lstat(path.c_str(), &info) == 0;
  traits.mounted_alone = is_file && S_ISREG(info.st_mode);
  return traits;
}

}  // namespace ufl

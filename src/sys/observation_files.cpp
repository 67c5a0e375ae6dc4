// SPDX-License-Identifier: MIT

#include "sys/observation_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seams/uuid.hpp"
#include "sys/file_io.hpp"
#include "sys/output_file.hpp"
#include "sys/path.hpp"

namespace ufl {

namespace {

constexpr std::size_t kLimit = 4096;
constexpr mode_t kPrivate = S_IRWXU;

// Can this user alone put files there? In /dev/shm anybody can make a directory of any name.
bool is_ours_alone(const std::string& directory) {
  struct stat info = {};
  return ::lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         info.st_uid == ::geteuid() && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool make(const std::string& directory) {
  const UmaskForOwner umask;
  return (::mkdir(directory.c_str(), kPrivate) == 0 || errno == EEXIST) && is_ours_alone(directory);
}

// As mkdir -p; what is there may be open to others, as a home directory is.
bool make_with_parents(const std::string& directory) {
  const UmaskForOwner umask;
  for (auto slash = directory.find('/', 1); slash != std::string::npos;
       slash = directory.find('/', slash + 1)) {
    ::mkdir(directory.substr(0, slash).c_str(), kPrivate);
  }
  return make(directory);
}

// XDG Base Directory Specification, 0.8.
std::optional<std::string> state_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string{state} + "/ufl";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string{home} + "/.local/state/ufl";
  return std::nullopt;
}

// In memory, where nothing can hang: /run/user/UID comes and goes with the user's sessions, and
// cron has none, so both are looked into.
std::vector<std::string> memory_directories() {
  const std::string uid = std::to_string(::geteuid());
  const std::string runtime = "/run/user/" + uid;
  std::vector<std::string> all;
  if (is_ours_alone(runtime)) all.push_back(runtime + "/ufl");
  all.push_back("/dev/shm/ufl-" + uid);
  return all;
}

// A tmpfs without a limit says that it has 0 of 0 blocks.
bool has_room(const std::string& directory) {
  struct statvfs info = {};
  if (::statvfs(directory.c_str(), &info) != 0) return false;
  const bool is_full =
      (info.f_blocks > 0 && info.f_bavail == 0) || (info.f_files > 0 && info.f_favail == 0);
  return !is_full && (info.f_flag & ST_RDONLY) == 0;
}

// Can an observation be kept there? Then it is kept nowhere else.
bool works(const std::string& directory) {
  struct stat info = {};
  if (::lstat(directory.c_str(), &info) == 0) {
    // As keep() finds it: one that a umask has left without the owner's bits takes no file.
    return is_ours_alone(directory) && ::access(directory.c_str(), W_OK | X_OK) == 0 &&
           has_room(directory);
  }
  const std::string parent = directory_of(directory);
  return errno == ENOENT && ::access(parent.c_str(), W_OK | X_OK) == 0 && has_room(parent);
}

// Where something may have been kept. A home directory may be on a share that hangs: it is asked
// when memory has failed, and only then.
std::vector<std::string> directories() {
  std::vector<std::string> all = memory_directories();
  if (std::any_of(all.begin(), all.end(), works)) return all;
  if (auto state = state_directory()) all.push_back(std::move(*state));
  return all;
}

std::string text_of(const Observation& observation) {
  return observation.token + '\n' + observation.heartbeat + '\n' +
         std::to_string(observation.staleness_limit.count()) + '\n' +
         std::to_string(observation.since.time_since_epoch().count()) + '\n';
}

// BOOT-TIMENS-KEY, as name_of() makes it.
bool is_name(std::string_view name) {
  constexpr std::size_t kShortest = kUuidLength + 3 + kUuidLength;
  if (name.size() < kShortest) return false;
  const std::string_view middle = name.substr(kUuidLength, name.size() - 2 * kUuidLength);
  return is_uuid(name.substr(0, kUuidLength)) && is_uuid(name.substr(name.size() - kUuidLength)) &&
         middle.starts_with('-') && middle.ends_with('-') &&
         middle.substr(1, middle.size() - 2).find_first_not_of("0123456789") == std::string::npos;
}

struct OldFile {
  std::time_t changed;
  std::string path;
};

// A file of another boot was most likely left by this host, and says nothing any more. It may
// belong to another host that shares this home directory; a waiter there then waits for longer. So
// does a waiter that comes back to the oldest of very many locks.
void sweep(const std::string& directory, std::string_view boot) {
  constexpr std::time_t kOld = 30L * 24 * 3600;
  constexpr std::size_t kMost = 500;
  const std::unique_ptr<DIR, int (*)(DIR*)> opened{::opendir(directory.c_str()), &::closedir};
  if (!opened) return;
  const std::time_t now = std::time(nullptr);
  std::vector<OldFile> files;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string name{static_cast<const char*>(entry->d_name)};
    const bool is_temporary = OutputFile::is_temporary(name);
    if (!is_name(name) && !is_temporary) continue;
    std::string path = (directory + '/').append(name);
    struct stat info = {};
    if (::lstat(path.c_str(), &info) != 0) continue;
    if (name.starts_with(boot)) {
      files.push_back({info.st_mtime, std::move(path)});
    } else if (now - info.st_mtime > kOld) {
      ::unlink(path.c_str());
    }
  }
  if (files.size() < kMost) return;
  const auto excess = static_cast<std::ptrdiff_t>(files.size() - kMost + 1);
  const auto by_age = [](const OldFile& a, const OldFile& b) { return a.changed < b.changed; };
  std::nth_element(files.begin(), files.begin() + excess, files.end(), by_age);
  std::for_each(files.begin(), files.begin() + excess,
                [](const OldFile& file) { ::unlink(file.path.c_str()); });
}

std::optional<Duration> duration_of(std::string_view text) {
  Duration::rep count = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, count);
  if (read.ec != std::errc{} || read.ptr != end || count < 0) return std::nullopt;
  return Duration{count};
}

std::optional<Observation> observation_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  constexpr std::size_t kLines = 4;
  if (lines.size() != kLines || !text.empty()) return std::nullopt;
  const auto limit = duration_of(lines[2]);
  const auto since = duration_of(lines[3]);
  if (!limit || !since) return std::nullopt;
  return Observation{std::string{lines[0]}, std::string{lines[1]}, *limit, Mono{*since}};
}

}  // namespace

std::optional<std::string> ObservationFiles::name_of(const std::string& key) {
  const Holder here = identity_.self();
  if (!here.boot) return std::nullopt;
  const boost::uuids::name_generator_sha1 generator{boost::uuids::ns::url()};
  return *here.boot + '-' + std::to_string(here.timens.value_or(0)) + '-' +
         boost::uuids::to_string(generator(key));
}

std::optional<Observation> ObservationFiles::recall(const std::string& key) {
  const auto name = name_of(key);
  if (!name) return std::nullopt;
  std::optional<Observation> latest;
  for (const std::string& directory : directories()) {
    if (!is_ours_alone(directory)) continue;
    const UniqueFd file = open_file(directory + '/' + *name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file.valid()) continue;
    const auto text = read_some(file.get(), kLimit);
    auto found = text ? observation_of(*text) : std::nullopt;
    // Of several the latest counts: it is of what stands there now, or makes a waiter wait for
    // longer.
    if (found && (!latest || latest->since < found->since)) latest = std::move(found);
  }
  return latest;
}

void ObservationFiles::keep(const std::string& key, const Observation& observation) {
  // A heartbeat may be any text; with a line break in it, it would be read back as another one.
  const bool is_plain = (observation.token + observation.heartbeat).find('\n') == std::string::npos;
  const auto name = name_of(key);
  if (!is_plain || !name) return;
  bool is_kept = false;
  const auto keep_in = [&](const std::string& directory) {
    const OutputFile file{directory + '/' + *name};
    if (!is_kept) {
      sweep(directory, *identity_.self().boot);
      is_kept = file.write(text_of(observation)) == 0;
      if (is_kept) return;
    }
    // The file there holds an earlier observation, or takes the room that the new one needs.
    const bool removed = ::unlink((directory + '/' + *name).c_str()) == 0;
    if (!is_kept && removed) is_kept = file.write(text_of(observation)) == 0;
  };
  for (const std::string& directory : memory_directories()) {
    if (is_kept ? is_ours_alone(directory) : make(directory)) keep_in(directory);
  }
  // Without a state directory nothing is kept, and a waiter waits for longer.
  const auto state = is_kept ? std::nullopt : state_directory();
  if (state && make_with_parents(*state)) keep_in(*state);
}

void ObservationFiles::forget(const std::string& key) {
  const auto name = name_of(key);
  if (!name) return;
  for (const std::string& directory : directories()) {
    if (is_ours_alone(directory)) ::unlink((directory + '/' + *name).c_str());
  }
}

}  // namespace ufl

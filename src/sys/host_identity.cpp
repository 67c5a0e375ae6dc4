// SPDX-License-Identifier: MIT

#include "sys/host_identity.hpp"

#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include "sys/file_io.hpp"
#include "sys/machine_id.hpp"
#include "sys/process_info.hpp"
#include "sys/random_bytes.hpp"
#include "sys/witness_file.hpp"

namespace ufl {

namespace {

std::optional<std::uint64_t> inode_of(const char* path) {
  struct stat info = {};
  if (::stat(path, &info) != 0) return std::nullopt;
  return info.st_ino;
}

std::optional<std::string> boot_id() {
  const auto text = read_small_file("/proc/sys/kernel/random/boot_id");
  if (!text) return std::nullopt;
  return text->substr(0, text->find('\n'));
}

std::optional<std::string> user_name(uid_t uid) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen("/etc/passwd", "re"),
                                                             &std::fclose};
  if (file) {
    while (const struct passwd* entry = ::fgetpwent(file.get())) {
      if (entry->pw_uid == uid) return std::string{entry->pw_name};
    }
  }
  const char* name = std::getenv("LOGNAME");
  if (name == nullptr || *name == '\0') return std::nullopt;
  return std::string{name};
}

}  // namespace

std::string HostIdentity::new_uuid() {
  boost::uuids::uuid uuid{};
  fill_with_random({uuid.begin(), uuid.size()});
  // Version 4 and variant 1, RFC 4122.
  uuid.begin()[6] = static_cast<std::uint8_t>((uuid.begin()[6] & 0x0F) | 0x40);
  uuid.begin()[8] = static_cast<std::uint8_t>((uuid.begin()[8] & 0x3F) | 0x80);
  return boost::uuids::to_string(uuid);
}

Holder HostIdentity::self() {
  if (self_) return *self_;
  Holder& holder = self_.emplace();
  struct utsname names = {};
  if (::uname(&names) == 0) holder.host = names.nodename;
  holder.machine = derived_machine_id();
  holder.boot = boot_id();
  holder.netns = inode_of("/proc/self/ns/net");
  holder.pidns = inode_of("/proc/self/ns/pid");
  holder.timens = inode_of("/proc/self/ns/time");
  holder.pid = ::getpid();
  if (const auto stat = process_stat(::getpid())) holder.start = stat->start;
  holder.uid = ::getuid();
  holder.user = user_name(::getuid());
  return holder;
}

bool HostIdentity::hold_lifeline(const std::string& uuid) {
  // This process has the name already.
  if (lifeline_ && lifeline_->uuid() == uuid) return true;
  lifeline_ = Lifeline::bind(uuid, on_exec_);
  return lifeline_.has_value();
}

void HostIdentity::leave_witness(const std::string& uuid) {
  remove_witness_file(::getuid(), std::exchange(witness_, uuid));
  create_witness_file(::getuid(), uuid);
}

void HostIdentity::remove_witness(const std::string& uuid) {
  remove_witness_file(::getuid(), uuid);
}

std::uint64_t HostIdentity::random() {
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, GRND_NONBLOCK) != sizeof value) {
    // Only early in boot, and only jitter rests on it: pids and clocks differ between contenders.
    value = static_cast<std::uint64_t>(::getpid()) * 0x9E3779B97F4A7C15U +
            static_cast<std::uint64_t>(::clock());
  }
  return value;
}

}  // namespace ufl

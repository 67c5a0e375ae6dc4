// SPDX-License-Identifier: MIT
//
// Seam: who this process is, and where randomness comes from.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ufl {

/// What a lock file says about the process that holds it. Every field may be missing. What was read
/// from a lock file is untrusted: escape it before a person sees it, never act on it unchecked.
struct Holder {
  std::optional<std::string> host;
  std::optional<std::string> boot;  ///< boot id, /proc/sys/kernel/random/boot_id
  std::optional<std::uint64_t> netns;
  std::optional<std::uint64_t> pidns;
  std::optional<std::uint64_t> timens;  ///< inode numbers of /proc/self/ns/*
  std::optional<std::int64_t> pid;
  std::optional<std::uint64_t> start;  ///< clock ticks after boot, field 22 of /proc/PID/stat
  std::optional<std::uint64_t> uid;
  std::optional<std::string> user;
  std::optional<std::string> since;    ///< UTC, for display only
  std::optional<std::string> command;  ///< shell-quoted, at most 500 bytes
  std::optional<double> delay;         ///< verification delay of the holder, seconds
  std::optional<double> lease;         ///< seconds
  std::optional<bool> detached;        ///< taken by `ufl --acquire`: no ufl waits for its release
};

/// A process of this host: its number, which may be used again, and what tells the two apart.
struct ProcessId {
  std::int64_t pid = 0;
  std::optional<std::uint64_t> start;  ///< clock ticks after boot; none: not visible to us
};

/// Who is asking, and fresh randomness.
class Identity {
 public:
  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  virtual ~Identity() = default;

  /// A new random (version 4) UUID in canonical lower case, RFC 9562 section 5.4.
  [[nodiscard]] virtual std::string new_uuid() = 0;

  /// This process as a holder; `since` and `command` are left to the caller.
  [[nodiscard]] virtual Holder self() = 0;

  /// 64 random bits, for jitter.
  [[nodiscard]] virtual std::uint64_t random() = 0;
};

}  // namespace ufl

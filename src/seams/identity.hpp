// SPDX-License-Identifier: MIT
//
// Seam: who this process is, and where randomness comes from.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ufl {

/// A process of this host: its number, which may be used again, and what tells the two apart.
struct ProcessId {
  std::int64_t pid = 0;
  std::optional<std::uint64_t> start;  ///< clock ticks after boot; none: not visible to us

  [[nodiscard]] bool operator==(const ProcessId&) const = default;
};

/// What a lock file says about the process that holds it. Every field may be missing. What was read
/// from a lock file is untrusted: escape it before a person sees it, never act on it unchecked.
struct Holder {
  std::optional<std::string> host;     ///< explains, and proves nothing
  std::optional<std::string> machine;  ///< 32 hex digits that stand for this machine, at each boot
  std::optional<std::string> boot;     ///< boot id, /proc/sys/kernel/random/boot_id
  std::optional<std::uint64_t> netns;
  std::optional<std::uint64_t> pidns;
  std::optional<std::uint64_t> timens;  ///< inode numbers of /proc/self/ns/*
  std::optional<std::int64_t> pid;
  std::optional<std::uint64_t> start;  ///< clock ticks after boot, field 22 of /proc/PID/stat
  std::optional<std::uint64_t> uid;
  std::optional<std::string> user;
  std::optional<std::string> since;    ///< UTC, for display only
  std::optional<std::string> command;  ///< shell-quoted, at most 500 bytes
  std::optional<std::string> mount;  ///< what the lock's file system is for it: kLocalMount, or not
  std::optional<double> delay;       ///< verification delay of the holder, seconds
  std::optional<double> lease;       ///< seconds
  std::optional<std::string> heartbeat;  ///< with a lease: a number that grows while it lives
  std::optional<bool> detached;          ///< taken by `ufl --acquire`: no ufl waits for its release
  std::optional<std::string> lifeline;   ///< what shows that it lives; only kLifeline is known
  std::optional<ProcessId> child;        ///< the command, once it has been started
};

/// Holder::lifeline of a holder that has bound the abstract Unix datagram socket "ufl/" + UUID
/// (unix(7)) before its record was written.
inline constexpr const char* kLifeline = "dgram";

/// Holder::mount of a holder whose kernel alone arbitrates the file system, and of all others. Only
/// the first word counts.
inline constexpr const char* kLocalMount = "local";
inline constexpr const char* kShareMount = "share";

/// Who is asking, and fresh randomness.
class Identity {
 public:
  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  virtual ~Identity() = default;

  /// A new random (version 4) UUID in canonical lower case, RFC 9562 section 5.4.
  [[nodiscard]] virtual std::string new_uuid() = 0;

  /// This process as a holder; `since`, `mount` and `command` are left to the caller.
  [[nodiscard]] virtual Holder self() = 0;

  /// Keep a lifeline for the holder of `uuid`, in place of the one before: as long as this process
  /// or a command that has inherited it lives, others on this host can see that. False: that is not
  /// possible here, and the record must not promise it.
  [[nodiscard]] virtual bool hold_lifeline(const std::string& uuid) = 0;

  /// Leave a sign on this host that the holder of `uuid` runs on it, for locks that other hosts
  /// see: two machines that go on from one snapshot have the same boot id. Errors leave no sign,
  /// and then nobody can prove that the holder is gone.
  virtual void leave_witness(const std::string& uuid) = 0;

  /// Remove that sign, once nothing of the holder is on the share any more. It stays if it belongs
  /// to another user than the one that we run as: only that user removes it, whatever a record
  /// says.
  virtual void remove_witness(const std::string& uuid) = 0;

  /// 64 random bits, for jitter.
  [[nodiscard]] virtual std::uint64_t random() = 0;
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// A lifeline shows everybody on this host that somebody still relies on a lock: an abstract Unix
// datagram socket, unix(7), whose name is a NUL, "ufl/", and the UUID of the lock's token.
//
// The kernel keeps the name as long as any process keeps the socket: ufl, the command that has
// inherited it, whatever that has started. A command that outlives ufl still protects its lock, and
// no process number, which may be used again, is guessed at.
//
// Name and type are part of the lock file's format for ever. A probe of another type is refused as
// if nobody lived, and so is one of a stream socket that is bound and does not listen.
//
// What a lifeline does not do:
//   - A process that closes its descriptors (ssh, sudo, whatever Python's subprocess starts) does
//     not keep it. The record's child stands in for the command itself, nothing for its children.
//   - Another network namespace does not see it: a probe from there says "down".
//   - Once the name is free, anybody in the network namespace who has read the token may bind it.
//     Such a lock looks alive for as long as they like. Nobody can make a live one look dead.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "seams/host_signs.hpp"
#include "sys/high_descriptor.hpp"
#include "sys/unique_fd.hpp"

namespace ufl {

/// This process' end of a lifeline; the destructor lets go of it.
class Lifeline {
 public:
  using OnExec = ufl::OnExec;

  /// A lifeline for the lock of this UUID, bound and on its descriptor. None: `uuid` is no UUID,
  /// somebody has that name, or sockets are not to be had here (a sandbox, EMFILE).
  [[nodiscard]] static std::optional<Lifeline> bind(std::string_view uuid, OnExec on_exec);

  /// 100 or more where RLIMIT_NOFILE allows it, and never 0 to 2.
  [[nodiscard]] int fd() const { return socket_.get(); }

  [[nodiscard]] const std::string& uuid() const { return uuid_; }

 private:
  Lifeline(UniqueFd socket, std::string_view uuid) : socket_{std::move(socket)}, uuid_{uuid} {}

  UniqueFd socket_;
  std::string uuid_;
};

/// The UUID of the lifeline whose end this descriptor of ours is; empty: it is no lifeline.
[[nodiscard]] std::string lifeline_uuid(int descriptor);

/// Does somebody keep the lifeline of this UUID? Never blocks, and leaves nothing behind in the
/// other's socket, however often it is asked. `uuid` may be anything.
[[nodiscard]] LifelineState probe_lifeline(std::string_view uuid);

}  // namespace ufl

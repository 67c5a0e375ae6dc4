// SPDX-License-Identifier: MIT
//
// A witness file shows that a holder ran on this very host, for locks on a share: two machines that
// go on from one snapshot have the same boot id and the same namespaces, and each finds the other's
// lifeline down. An empty file in memory tells them apart: /dev/shm/ufl-UID-UUID, or that in /run
// where the first cannot be written. It is gone after a reboot.
//
// What it does not do: a holder that had its lock when the snapshot was taken has a witness on both
// machines. Then both go on as the holder, too, and no lock file can tell them apart.

#pragma once

#include <cstdint>
#include <string_view>

namespace ufl {

/// Leave the witness file of user `uid`, who is the one that we run as, for the lock of this UUID.
/// Errors leave none.
void create_witness_file(std::uint64_t uid, std::string_view uuid);

/// Remove the witness file of that lock that `uid` owns. Nothing happens when there is none, or
/// when it is not ours to remove: /dev/shm is sticky, /run is root's.
void remove_witness_file(std::uint64_t uid, std::string_view uuid);

/// Has the user `uid` of this host left a witness file for that lock? Whatever others have put
/// there is none. `uuid` may be anything.
[[nodiscard]] bool is_witnessed(std::uint64_t uid, std::string_view uuid);

}  // namespace ufl

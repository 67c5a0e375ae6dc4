// SPDX-License-Identifier: MIT
//
// Judge: what becomes of a lock whose holder does not answer. From what a lock file says of its
// holder, and from what this host shows (seams/host_signs.hpp), to alive, dead, or neither.

#pragma once

#include <string_view>

#include "protocol/life.hpp"
#include "protocol/record.hpp"
#include "seams/host_signs.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// Judges holders by the signs of one host. In doubt it proves nothing.
class Judge {
 public:
  /// `identity` tells which host, boot and namespaces are ours; both must outlive this.
  Judge(Identity& identity, HostSigns& signs) : identity_{identity}, signs_{signs} {}

  /// What is to be seen of `holder`, which was read from a lock file whose token ends in `uuid`:
  /// nothing in it is believed unchecked. `local`: its file system is local here. Life::dead
  /// only on proof (ufl(1), STALE LOCKS); whatever is missing from that, or cannot be asked for, is
  /// no proof.
  [[nodiscard]] Life look(const Holder& holder, std::string_view uuid, bool local);

 private:
  [[nodiscard]] Life judge(const ProcessId& process, const Holder& holder, const Holder& here);
  [[nodiscard]] bool ran_here(const Holder& holder, std::string_view uuid, bool local);
  [[nodiscard]] LifelineState lifeline_of(const Holder& holder, const Holder& here,
                                          std::string_view uuid);
  [[nodiscard]] Life of_command(const Holder& holder, const Holder& here, std::string_view uuid,
                                bool local, Life otherwise);

  Identity& identity_;
  HostSigns& signs_;
};

/// What `judge` sees of the holder of the lock; `local`: its file system is local here.
[[nodiscard]] Life life_of(Judge& judge, const Sighting& seen, bool local);

/// May a lock be taken over whose holder this host sees so? `is_abandoned`: its lease has run out,
/// or it is an empty file that was left over. A holder that is seen alive keeps it all the same: a
/// ufl that was stopped, or killed beside its command, writes no heartbeats.
[[nodiscard]] bool may_take_over(Life life, bool is_abandoned);

}  // namespace ufl

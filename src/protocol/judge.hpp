// SPDX-License-Identifier: MIT
//
// Judge: what becomes of a lock whose holder does not answer. From what a lock file says of its
// holder, and from what this host shows (seams/host_signs.hpp), to alive, dead, or neither.

#pragma once

#include <string_view>

#include "protocol/record.hpp"
#include "seams/host_signs.hpp"
#include "seams/identity.hpp"
#include "seams/liveness.hpp"

namespace ufl {

/// Judges holders by the signs of one host. In doubt it proves nothing.
class Judge final : public Liveness {
 public:
  /// `identity` tells which host, boot and namespaces are ours; both must outlive this.
  Judge(Identity& identity, HostSigns& signs) : identity_{identity}, signs_{signs} {}

  [[nodiscard]] Life look(const Holder& holder, std::string_view uuid, bool local) override;

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

/// What `liveness` sees of the holder of the lock; `local`: its file system is local here.
[[nodiscard]] Life life_of(Liveness& liveness, const Sighting& seen, bool local);

/// May a lock be taken over whose holder this host sees so? `is_abandoned`: its lease has run out,
/// or it is an empty file that was left over. A holder that is seen alive keeps it all the same: a
/// ufl that was stopped, or killed beside its command, writes no heartbeats.
[[nodiscard]] bool may_take_over(Life life, bool is_abandoned);

}  // namespace ufl

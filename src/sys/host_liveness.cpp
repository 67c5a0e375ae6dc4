// SPDX-License-Identifier: MIT

#include "sys/host_liveness.hpp"

#include <sys/types.h>

#include <limits>
#include <optional>

#include "sys/process_info.hpp"

namespace ufl {

Life HostLiveness::look(const Holder& holder, std::string_view /*uuid*/, bool /*local*/) {
  const Holder here = identity_.self();
  // Host names are not unique and boot ids are: a boot id decides, and the name explains.
  if (!holder.boot || !here.boot) {
    const bool elsewhere = holder.host && here.host && holder.host != here.host;
    return elsewhere ? Life::other_host : Life::untold;
  }
  if (holder.boot != here.boot) {
    return holder.host && holder.host == here.host ? Life::other_boot : Life::other_host;
  }
  if (!holder.pid || !holder.start) return Life::untold;
  const bool tells_less = (here.pidns && !holder.pidns) || (here.timens && !holder.timens);
  if (tells_less) return Life::untold;
  if (holder.pidns != here.pidns || holder.timens != here.timens) return Life::other_container;
  // 0 and negative numbers are process groups for kill(2).
  if (*holder.pid < 1 || *holder.pid > std::numeric_limits<pid_t>::max()) return Life::untold;
  const auto pid = static_cast<pid_t>(*holder.pid);
  if (!process_exists(pid)) return Life::gone;
  const auto stat = process_stat(pid);
  // hidepid, proc(5); or it ended between the two questions.
  if (!stat) return process_exists(pid) ? Life::hidden : Life::gone;
  // Its number is used again; or it is dead, and its parent does not care.
  if (stat->start != *holder.start || has_ended(*stat)) return Life::gone;
  return Life::alive;
}

}  // namespace ufl

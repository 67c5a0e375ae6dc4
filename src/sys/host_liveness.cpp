// SPDX-License-Identifier: MIT

#include "sys/host_liveness.hpp"

#include <sys/types.h>

#include <cstdint>
#include <limits>

#include "sys/lifeline.hpp"
#include "sys/process_info.hpp"
#include "sys/uuid_text.hpp"
#include "sys/witness_file.hpp"

namespace ufl {

namespace {

// PROC_PID_INIT_INO of Linux: the PID namespace that the kernel starts with has this inode number.
constexpr std::uint64_t kInitialPidNamespace = 0xEFFFFFFC;

// `process`, whose numbers mean something in the namespaces of `holder`.
Life judge(const ProcessId& process, const Holder& holder, const Holder& here) {
  const bool tells_less = (here.pidns && !holder.pidns) || (here.timens && !holder.timens);
  if (tells_less) return Life::untold;
  if (holder.pidns != here.pidns || holder.timens != here.timens) return Life::other_container;
  // 0 and negative numbers are process groups for kill(2).
  if (process.pid < 1 || process.pid > std::numeric_limits<pid_t>::max()) return Life::untold;
  const auto pid = static_cast<pid_t>(process.pid);
  if (!process_exists(pid)) return Life::gone;
  if (!process.start) return Life::untold;
  const auto stat = process_stat(pid);
  // hidepid, proc(5); or it ended between the two questions.
  if (!stat) return process_exists(pid) ? Life::hidden : Life::gone;
  // Its number is used again; or it is dead, and its parent does not care.
  if (stat->start != *process.start || has_ended(*stat)) return Life::gone;
  return Life::alive;
}

// A sandbox that hides the PID namespace hides it on both sides, and then the same number may be
// that of a process which we do not see.
bool proves_gone(Life life, const Holder& here) {
  return life == Life::gone && here.pidns.has_value();
}

// Did the holder run on this very host, and not on another that goes on from the same snapshot?
bool ran_here(const Holder& holder, std::string_view uuid, bool local) {
  return local || (holder.uid && is_witnessed(*holder.uid, uuid));
}

// The reboot rule, for a file system that this kernel alone sees: whoever wrote under another boot
// id ran before this boot. Two containers may have boot ids of their own, and run side by side; a
// lock that belongs to no process is held across a reboot, too. A folder that a program keeps in
// step with other hosts looks local, so it must be the name of this host, at least.
bool ended_with_its_boot(const Holder& holder, const Holder& here) {
  if (holder.detached.value_or(false) && !holder.pid) return false;
  const bool same_name = holder.host && holder.host == here.host;
  return same_name && is_uuid(*holder.boot) && is_uuid(*here.boot) &&
         holder.pidns == kInitialPidNamespace && here.pidns == kInitialPidNamespace;
}

Life of_other_boot(const Holder& holder, const Holder& here, bool local) {
  if (local && ended_with_its_boot(holder, here)) return Life::dead;
  return holder.host && holder.host == here.host ? Life::other_boot : Life::other_host;
}

LifelineState lifeline_of(const Holder& holder, const Holder& here, std::string_view uuid) {
  const bool promised = holder.lifeline == kLifeline;
  const bool in_sight = holder.netns && holder.netns == here.netns;
  return promised && in_sight ? probe_lifeline(uuid) : LifelineState::unknown;
}

// Of a holder whose process is not seen alive, and whose lifeline may be judged.
//
// The lifeline and the child may be asked one after the other, in any order: a lifeline that is
// down stays down, and a process that is gone stays gone. The record may have grown a child since
// it was read, though:
//
//     1. T reads the record: no child
//     2. H starts its command, and writes that as the child
//     3. the command closes its descriptors; H is killed
//     4. T: lifeline down, no child: dead
//
// So T must look again, right before it writes, that not a byte of the record has changed. And H
// writes the child before it lets the command run (process/child.hpp, go()).
Life of_command(const Holder& holder, const Holder& here, std::string_view uuid, bool local,
                Life otherwise) {
  const Life child = holder.child ? judge(*holder.child, holder, here) : Life::untold;
  if (child == Life::alive) return Life::alive;
  const LifelineState lifeline = lifeline_of(holder, here, uuid);
  if (lifeline == LifelineState::up) return Life::alive;
  const bool no_child = !holder.child || proves_gone(child, here);
  const bool proven = lifeline == LifelineState::down && no_child && ran_here(holder, uuid, local);
  return proven ? Life::dead : otherwise;
}

}  // namespace

Life HostLiveness::look(const Holder& holder, std::string_view uuid, bool local) {
  const Holder here = identity_.self();
  // Host names are not unique and boot ids are: a boot id decides, and the name explains.
  if (!holder.boot || !here.boot) {
    const bool elsewhere = holder.host && here.host && holder.host != here.host;
    return elsewhere ? Life::other_host : Life::untold;
  }
  if (holder.boot != here.boot) return of_other_boot(holder, here, local);
  const Life life = holder.pid ? judge({*holder.pid, holder.start}, holder, here) : Life::untold;
  if (life == Life::alive) return life;
  if (!holder.detached.value_or(false)) return of_command(holder, here, uuid, local, life);
  // --acquire: the process that it was told to live with, if any, and nothing else, holds the lock.
  return proves_gone(life, here) && ran_here(holder, uuid, local) ? Life::dead : life;
}

}  // namespace ufl

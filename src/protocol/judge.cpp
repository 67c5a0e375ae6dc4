// SPDX-License-Identifier: MIT

#include "protocol/judge.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "protocol/both_local.hpp"
#include "protocol/token.hpp"
#include "seams/uuid.hpp"

namespace ufl {

namespace {

// PROC_PID_INIT_INO of Linux: the PID namespace that the kernel starts with has this inode number.
constexpr std::uint64_t kInitialPidNamespace = 0xEFFFFFFC;

// A sandbox that hides the PID namespace hides it on both sides, and then the same number may be
// that of a process which we do not see.
bool proves_gone(Life life, const Holder& here) {
  return life == Life::gone && here.pidns.has_value();
}

bool is_boot_id(std::string_view text) { return is_uuid(text, HexDigits::any_case); }

bool is_machine_id(const std::optional<std::string>& text) {
  constexpr std::size_t kDigits = 32;
  constexpr std::string_view kDigit = "0123456789abcdef";
  return text && text->size() == kDigits && text->find_first_not_of(kDigit) == std::string::npos;
}

bool know_their_machines(const Holder& holder, const Holder& here) {
  return is_machine_id(holder.machine) && is_machine_id(here.machine);
}

// Did the holder run on this machine, whatever its boot? Where one of the two does not know its
// machine, names tell, for people: they are not unique, and change. None: nothing tells.
std::optional<bool> seems_to_be_here(const Holder& holder, const Holder& here) {
  if (know_their_machines(holder, here)) return holder.machine == here.machine;
  if (!holder.host || !here.host) return std::nullopt;
  return holder.host == here.host;
}

// The reboot rule, for a file system that this kernel alone sees, and the holder's alone before:
// a holder that wrote under another boot id ran before this boot. Two containers may have boot ids
// of their own, and run side by side; a lock that belongs to no process is held across a reboot,
// too. A folder that a program keeps in step with other hosts looks local to all of them, so it
// must be this machine. Known gap: machines that were cloned with their machine-id, in such a
// folder.
bool ended_with_its_boot(const Holder& holder, const Holder& here) {
  if (holder.detached.value_or(false) && !holder.pid) return false;
  const bool same_machine = know_their_machines(holder, here) && holder.machine == here.machine;
  return same_machine && is_boot_id(*holder.boot) && is_boot_id(*here.boot) &&
         holder.pidns == kInitialPidNamespace && here.pidns == kInitialPidNamespace;
}

Life of_other_boot(const Holder& holder, const Holder& here, bool local) {
  if (local && ended_with_its_boot(holder, here)) return Life::dead;
  return seems_to_be_here(holder, here).value_or(false) ? Life::other_boot : Life::other_host;
}

}  // namespace

// `process`, whose numbers mean something in the namespaces of `holder`.
Life Judge::judge(const ProcessId& process, const Holder& holder, const Holder& here) {
  const bool tells_less = (here.pidns && !holder.pidns) || (here.timens && !holder.timens);
  if (tells_less) return Life::unknown;
  if (holder.pidns != here.pidns || holder.timens != here.timens) return Life::other_container;
  // No process has such a number.
  if (process.pid < 1 || process.pid > std::numeric_limits<std::int32_t>::max()) {
    return Life::unknown;
  }
  if (!signs_.process_exists(process.pid)) return Life::gone;
  if (!process.start) return Life::unknown;
  const auto stat = signs_.find(process.pid);
  // hidepid, proc(5); or it ended between the two questions.
  if (!stat) return signs_.process_exists(process.pid) ? Life::hidden : Life::gone;
  // Its number is used again; or it is dead, and its parent does not care.
  if (stat->start != *process.start || has_ended(*stat)) return Life::gone;
  return Life::alive;
}

// Did the holder run on this very host, and not on another that goes on from the same snapshot?
// `local`, from here on: for the holder, too. Then no other host can have written there.
bool Judge::ran_here(const Holder& holder, std::string_view uuid, bool local) {
  return local || (holder.uid && signs_.is_witnessed(*holder.uid, uuid));
}

LifelineState Judge::lifeline_of(const Holder& holder, const Holder& here, std::string_view uuid) {
  const bool promised = holder.lifeline == kLifeline;
  const bool in_sight = holder.netns && holder.netns == here.netns;
  return promised && in_sight ? signs_.probe_lifeline(uuid) : LifelineState::unknown;
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
Life Judge::of_command(const Holder& holder, const Holder& here, std::string_view uuid, bool local,
                       Life otherwise) {
  const Life child = holder.child ? judge(*holder.child, holder, here) : Life::unknown;
  if (child == Life::alive) return Life::alive;
  const LifelineState lifeline = lifeline_of(holder, here, uuid);
  if (lifeline == LifelineState::up) return Life::alive;
  const bool no_child = !holder.child || proves_gone(child, here);
  const bool proven = lifeline == LifelineState::down && no_child && ran_here(holder, uuid, local);
  return proven ? Life::dead : otherwise;
}

Life Judge::look(const Holder& holder, std::string_view uuid, bool local) {
  const Holder here = identity_.self();
  local = both_local(holder, local);
  // Boot ids are unique: they decide, and the rest explains.
  if (!holder.boot || !here.boot) {
    return seems_to_be_here(holder, here).value_or(true) ? Life::unknown : Life::other_host;
  }
  if (holder.boot != here.boot) return of_other_boot(holder, here, local);
  const Life life = holder.pid ? judge({*holder.pid, holder.start}, holder, here) : Life::unknown;
  if (life == Life::alive) return life;
  if (!holder.detached.value_or(false)) return of_command(holder, here, uuid, local, life);
  // --acquire: the process that it was told to live with, if any, and nothing else, holds the lock.
  return proves_gone(life, here) && ran_here(holder, uuid, local) ? Life::dead : life;
}

Life life_of(Judge& judge, const Sighting& seen, bool local) {
  const std::string_view uuid = ends_in_uuid(seen.token) ? uuid_of(seen.token) : std::string_view{};
  return judge.look(seen.holder, uuid, local);
}

bool may_take_over(Life life, bool is_abandoned) {
  return life == Life::dead || (is_abandoned && life != Life::alive);
}

}  // namespace ufl

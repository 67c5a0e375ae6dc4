// SPDX-License-Identifier: MIT

#pragma once

#include "seams/clock.hpp"

namespace ufl::sim {

/// A way to break what proves that a holder is gone, or what it does when it may be thought so.
/// The mutants of the families about recovery.
enum class RecoveryFlaw {
  none,
  lease_beats_lifeline,   ///< a lease that is over counts for more than a holder that is seen
  mtime_for_beats,        ///< a lease is over when the file is old by the local clock
  one_memory,             ///< what was seen is kept for every host and every boot
  unpromised_lifeline,    ///< a record without a lifeline is judged by it
  number_alone,           ///< a process is known by its number alone
  no_witness,             ///< on a share, whoever has our boot ID is taken for one of ours
  same_network,           ///< the network namespace of a lifeline is not asked for
  same_processes,         ///< the PID namespace of a number is not asked for
  command_before_record,  ///< the command runs before the record names it
  childless_at_once,      ///< a share's first view of a record without a command is believed
  lease_from_the_end,     ///< a lease is counted from the end of a refresh
  never_fenced,           ///< the command is not stopped when the lease is over
  trusts_a_stopper,       ///< the warden kills nothing that ufl has told to stop
  only_continued,         ///< the warden stops nothing, and continues a ufl that is stopped
  revived,                ///< a refresh of a lease that is over is believed at once
  never_looks,            ///< a holder does not look whether its lock is lost
  name_proves,            ///< a host of the same name is taken for the same machine
  name_is_asked_for,      ///< a host of another name is taken for another machine
  holders_mount_ignored,  ///< what is a local disk here is taken for one there
  any_version,            ///< a record of any version is taken for one of ours
  ignores_keepers,        ///< whoever takes an empty file over does not ask who keeps it
  never_restores,         ///< a holder does not write its record back into an emptied file
  restores_unlocked,      ///< or does so without flock(2)
  beatless_claim,         ///< a claim writes no beats while it waits
  third_of_the_lease,     ///< a lease is refreshed at each third, whatever that leaves room for
  kill_time_forgotten,    ///< a claim beats as if no command had to be stopped
  blind_between_beats,    ///< a holder with a lease is not told that its file has gone
  end_is_proof,           ///< whose ufl is told to have ended is taken for dead
  one_device,             ///< a file lies on the device of its directory
  never_too_slow,         ///< a claim is lost to the slowness of the share again and again
};

/// Who there is, and what becomes of them. Probabilities are per mille.
struct RecoveryKnobs {
  int hosts = 1;
  bool container = false;  ///< the second host is a container on the first
  bool twin = false;       ///< the second host goes on from the snapshot of the first
  /// The second host has the name of the first, and takes the files for local, too: a folder that
  /// is kept in step.
  bool neighbour = false;
  bool server = false;    ///< the first host exports the share, and sees it as a local disk
  bool cloned = false;    ///< all hosts have one machine ID
  bool nameless = false;  ///< none of them knows of one
  Duration lease{};       ///< of those who give one
  Duration kill_after{};
  bool kills = false;    ///< runs without a lease stop their command, too, when the lock is lost
  unsigned leased = 0;   ///< runs with a lease
  unsigned scripts = 0;  ///< users who hold it for a script, with a lease and refreshes
  unsigned newer = 0;  ///< users whose ufl writes another version of the format, without heartbeats
  unsigned bound = 0;  ///< users who hold it with the life of a process (--acquire --pid)
  unsigned impatient = 0;       ///< users whose runs try once (-n), again and again, as from cron
  unsigned killed = 0;          ///< ufl is killed
  unsigned killed_command = 0;  ///< and its command with it
  unsigned stopped = 0;         ///< ufl is stopped for a while
  Duration longest_stop{};
  unsigned warden_stopped = 0;  ///< and the warden beside it
  unsigned frozen = 0;          ///< ufl is stopped so that no SIGCONT lets it go on
  unsigned suspended = 0;       ///< a host sleeps, now and then
  unsigned rebooted = 0;        ///< a host is started anew, now and then
  unsigned renamed = 0;         ///< and gets another name with it
  unsigned closes = 0;          ///< commands that close what they inherit
  unsigned orphans = 0;         ///< commands that leave something behind
  unsigned unbound = 0;         ///< processes that get no lifeline
  unsigned reused = 0;          ///< numbers of the dead that are used again for long
  unsigned robbed = 0;          ///< holders whose file is removed by hand while they hold it
  unsigned emptied = 0;         ///< a program empties the file of a holder, or cuts it short
  RecoveryFlaw flaw = RecoveryFlaw::none;
};

}  // namespace ufl::sim

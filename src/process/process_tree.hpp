// SPDX-License-Identifier: MIT
//
// The command with everything that it has started: the tree of processes below this one. Used where
// "the command must stop" has to mean all of it: a lock that others are about to take over.
//
// Found by the chains of parents that /proc shows. After adopt_orphans() no descendant can leave
// the tree: what loses its parent (a background job, a daemon) becomes a child of ours. Without it
// the tree ends where a parent in between has ended.
//
// Another tree (IsRoot) begins at processes that bear a sign, wherever they stand.
//
// Not part of the tree: what ufl runs for itself, and what was there before (a script that started
// something in the background and then did `exec ufl ...`), with what that had started by then.
//
// Not found: what hidepid of proc(5) hides from us; what a daemon runs for the command (dockerd,
// cron, systemd). Not ended: what has changed its user (sudo) unless ufl is root, and what waits
// inside the kernel (state D).
//
// Numbers of processes are used again. Every signal goes through a pidfd that was compared with
// what was found, by its start, so it hits that process or none.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "seams/identity.hpp"
#include "seams/process_table.hpp"

namespace ufl {

/// A process of the tree that runs.
struct Survivor {
  ProcessId process;
  char state = '?';  ///< as in ProcessStat: 'D' waits inside the kernel
  int error = 0;     ///< errno value: why it could not be signalled. 0: it could, or was not
};

/// What is left of the tree.
struct Remains {
  /// errno value: not all processes could be seen, so that none is left proves nothing. EAGAIN:
  /// they come and go faster than they can be read.
  int error = 0;
  std::vector<Survivor> survivors;
};

/// The descendants of this process, or of roots. Every call reads all of /proc, some 10 µs for each
/// process of the host: alive() and terminate() two times, kill_all() five times and more. What
/// runs is stopped after the first time.
class ProcessTree {
 public:
  /// Is this process one that ufl runs for itself?
  using IsHelper = std::function<bool(std::int64_t pid)>;

  /// Does the tree begin, or begin anew, at this process?
  using IsRoot = std::function<bool(const ProcessStat& process)>;

  /// Make it before the command, and before any helper. `table` must outlive it.
  ProcessTree(ProcessTable& table, IsHelper is_helper);

  /// The tree of all roots, with them and whatever is below them, in place of our descendants.
  ProcessTree(ProcessTable& table, IsHelper is_helper, IsRoot is_root);

  /// The same; its command, and what is not part of it, are those of `other`, which may have been
  /// made by the process that has forked this one. `command_pidfd`: see set_command().
  ProcessTree(const ProcessTree& other, IsHelper is_helper, IsRoot is_root, int command_pidfd);

  /// Has this process become the parent of orphans before: as the first process of a container (pid
  /// 1), or as a subreaper that has called execve(2)? Then somebody has to reap them.
  [[nodiscard]] static bool has_adopted_orphans();

  /// From now on descendants that lose their parent become children of this process
  /// (PR_SET_CHILD_SUBREAPER, prctl(2)); reap_orphans() must be called now and then. Returns 0, or
  /// the errno value.
  [[nodiscard]] static int adopt_orphans();

  /// The command is this process, which somebody else waits for: it is not reaped here. `pidfd`:
  /// one of it that was opened while its number could be nobody else's, and stays open; or -1.
  void set_command(const ProcessId& process, int pidfd = -1) {
    command_ = process;
    command_pidfd_ = pidfd;
  }

  /// That descriptor, or -1.
  [[nodiscard]] int command_pidfd() const { return command_pidfd_; }

  /// Send the command alone a signal, through its descriptor: nothing is looked for before. Returns
  /// 0, or the errno value; without a descriptor ESRCH.
  int signal_command(int number) const;

  /// Has the command ended? False also when that cannot be told.
  [[nodiscard]] bool command_has_ended() const;

  /// What runs of the tree. What has ended and was not waited for does not count. None: all of it
  /// has ended, and nothing is left that could start anything.
  [[nodiscard]] Remains alive();

  /// Ask all of the tree to end: SIGTERM, then SIGCONT for what is stopped. Each process is asked
  /// once. Returns those that were asked.
  Remains terminate();

  /// One sweep: kill the command, before anything is looked for; stop what runs, until nothing new
  /// appears that could have been started meanwhile, then SIGKILL. Returns what runs still; it may
  /// only need another moment to end. Call it again until nothing is left, or time is up.
  Remains kill_all();

  /// Wait for those children of this process that have ended and that nobody else waits for.
  /// Never blocks.
  void reap_orphans();

 private:
  using Key = std::pair<std::int64_t, std::uint64_t>;  // number and start

  /// The tree at one moment.
  struct Look {
    int error = 0;         // as in Remains
    bool changed = false;  // since the look before, something was started or has ended
    std::vector<ProcessStat> running;
  };

  /// What was sent SIGSTOP.
  struct Stopped {
    std::set<Key> known;
    std::vector<ProcessStat> processes;
    std::vector<ProcessStat> awaited;  // those that may not have taken notice
    int waits = 0;
  };

  [[nodiscard]] ProcessList members();
  [[nodiscard]] ProcessList descendants();
  [[nodiscard]] Look look();
  [[nodiscard]] Look steady_look();
  [[nodiscard]] bool is_spared(const ProcessStat& process) const;
  [[nodiscard]] bool is_waited_for(std::int64_t pid) const;
  int signal(const ProcessStat& process, int number);
  Remains signal_all(int number);  // 0: none
  std::vector<ProcessStat> stop_all();
  bool stop(const ProcessStat& process, Stopped& stopped);
  void await_stop(Stopped& stopped);
  void chase(Stopped& stopped);
  std::optional<ProcessStat> youngest_running(const std::vector<std::int64_t>& children);
  bool reap_front();

  ProcessTable& table_;
  IsHelper is_helper_;
  IsRoot is_root_;
  std::optional<ProcessId> command_;
  int command_pidfd_ = -1;
  std::set<Key> strangers_;    // what was below us before
  std::map<Key, bool> ended_;  // the last look: who was there, and had they ended?
};

}  // namespace ufl

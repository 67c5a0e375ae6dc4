// SPDX-License-Identifier: MIT

#include "process/process_tree.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <unordered_map>

#include "sys/pidfd.hpp"

namespace ufl {

namespace {

// A sweep ends, whatever goes on below us: the caller sweeps again.
constexpr int kMostRounds = 16;
constexpr int kMostReaped = 4096;
constexpr int kMostChased = 64;
constexpr int kMostWaits = 100;  // of 1 ms

/// The processes of a list, by their parents.
class Family {
 public:
  explicit Family(std::vector<ProcessStat> processes) : processes_{std::move(processes)} {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      by_pid_.emplace(processes_[i].pid, i);
      by_parent_.emplace(processes_[i].parent, i);
    }
  }

  [[nodiscard]] const ProcessStat* find(std::int64_t pid) const {
    const auto found = by_pid_.find(pid);
    return found == by_pid_.end() ? nullptr : &processes_[found->second];
  }

  [[nodiscard]] const std::vector<ProcessStat>& all() const { return processes_; }

  /// Everything below `root`, but not below what is `spared`. Each process has one parent, so none
  /// is found twice.
  template <typename Spared>
  [[nodiscard]] std::vector<ProcessStat> below(const ProcessStat& root,
                                               const Spared& spared) const {
    std::vector<ProcessStat> found{root};
    for (std::size_t next = 0; next < found.size(); ++next) {
      const ProcessStat parent = found[next];
      const auto [begin, end] = by_parent_.equal_range(parent.pid);
      for (auto child = begin; child != end; ++child) {
        const ProcessStat& process = processes_[child->second];
        // Not all were read at the same moment. No process is older than its parent: if one seems
        // so, its parent has ended, and another process has the number.
        const bool real = process.start >= parent.start && process.pid != root.pid;
        if (real && !spared(process)) found.push_back(process);
      }
    }
    found.erase(found.begin());
    return found;
  }

 private:
  std::vector<ProcessStat> processes_;
  std::unordered_map<std::int64_t, std::size_t> by_pid_;
  std::unordered_multimap<std::int64_t, std::size_t> by_parent_;
};

// A process whose parent ended while the list was read has a new parent by now: perhaps us.
void find_new_parents(ProcessTable& table, std::vector<ProcessStat>& processes) {
  std::set<std::int64_t> pids;
  for (const ProcessStat& process : processes) pids.insert(process.pid);
  for (ProcessStat& process : processes) {
    if (process.parent == 0 || pids.contains(process.parent)) continue;
    const auto now = table.find(process.pid);
    if (now && now->start == process.start) process = *now;
  }
}

// 0, or the errno value. glibc wraps pidfd_send_signal(2) only since 2.36.
int pidfd_send(int pidfd, int number) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0U) == 0 ? 0 : errno;
}

using Key = std::pair<std::int64_t, std::uint64_t>;

void reap(std::int64_t pid) { ::waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG); }

Key key_of(const ProcessStat& process) { return {process.pid, process.start}; }

// Does a child of ours of this number run? Nobody else can have the number meanwhile.
bool child_runs(std::int64_t pid) {
  siginfo_t info{};
  const int got = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  return got == 0 && info.si_pid == 0;
}

}  // namespace

ProcessTree::ProcessTree(ProcessTable& table, IsHelper is_helper) : table_{table} {
  // Without any child, which is nearly always so, there is nothing to look for.
  siginfo_t info{};
  const int got = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  if (got == 0 || errno != ECHILD) {
    for (const ProcessStat& process : descendants().processes) strangers_.insert(key_of(process));
  }
  is_helper_ = std::move(is_helper);
}

ProcessTree::ProcessTree(ProcessTable& table, IsHelper is_helper, IsRoot is_root)
    : table_{table}, is_helper_{std::move(is_helper)}, is_root_{std::move(is_root)} {}

ProcessTree::ProcessTree(const ProcessTree& other, IsHelper is_helper, IsRoot is_root,
                         int command_pidfd)
    : table_{other.table_},
      is_helper_{std::move(is_helper)},
      is_root_{std::move(is_root)},
      command_{other.command_},
      command_pidfd_{command_pidfd},
      strangers_{other.strangers_} {}

int ProcessTree::signal_command(int number) const {
  return command_pidfd_ < 0 ? ESRCH : pidfd_send(command_pidfd_, number);
}

bool ProcessTree::command_has_ended() const {
  pollfd end{command_pidfd_, POLLIN, 0};
  return command_pidfd_ >= 0 && ::poll(&end, 1, 0) == 1 && (end.revents & POLLIN) != 0;
}

bool ProcessTree::has_adopted_orphans() {
  int adopts = 0;
  return ::getpid() == 1 ||
         (::prctl(PR_GET_CHILD_SUBREAPER, &adopts, 0UL, 0UL, 0UL) == 0 && adopts != 0);
}

int ProcessTree::adopt_orphans() {
  return ::prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

bool ProcessTree::is_spared(const ProcessStat& process) const {
  return (is_helper_ && is_helper_(process.pid)) || strangers_.contains(key_of(process));
}

ProcessList ProcessTree::descendants() {
  ProcessList list = table_.all();
  find_new_parents(table_, list.processes);
  const Family family{std::move(list.processes)};
  list.processes.clear();
  const auto spared = [this](const ProcessStat& process) { return is_spared(process); };
  if (const ProcessStat* const self = family.find(::getpid())) {
    list.processes = family.below(*self, spared);
  } else if (list.error == 0) {
    list.error = ENOENT;  // whatever that is, it is no picture of our processes
  }
  // Where hidepid hides a command that has changed its user, what runs below it may be visible.
  if (command_ && family.find(command_->pid) == nullptr && child_runs(command_->pid)) {
    const ProcessStat command{.pid = command_->pid, .start = command_->start.value_or(0)};
    list.processes.push_back(command);
    const auto more = family.below(command, spared);
    list.processes.insert(list.processes.end(), more.begin(), more.end());
  }
  return list;
}

ProcessList ProcessTree::members() {
  if (!is_root_) return descendants();
  ProcessList list = table_.all();
  find_new_parents(table_, list.processes);
  const Family family{std::exchange(list.processes, {})};
  const auto spared = [this](const ProcessStat& process) { return is_spared(process); };
  std::set<Key> known;
  for (const ProcessStat& root : family.all()) {
    if (known.contains(key_of(root)) || !is_root_(root) || spared(root)) continue;
    std::vector<ProcessStat> found = family.below(root, spared);
    found.push_back(root);
    for (const ProcessStat& process : found) {
      if (known.insert(key_of(process)).second) list.processes.push_back(process);
    }
  }
  return list;
}

// One look can miss a process that forks and ends at once, each time under a new number that the
// look has passed already. It cannot miss that this goes on: the topmost process of the chain is a
// child of ours, runs when the look begins, and is seen to run or to have ended since the look
// before.
ProcessTree::Look ProcessTree::look() {
  Look look;
  ProcessList list = members();
  look.error = list.error;
  std::map<Key, bool> ended;
  for (const ProcessStat& process : list.processes) {
    const bool has_ended_now = has_ended(process);
    const auto before = ended_.find(key_of(process));
    if (before == ended_.end() || before->second != has_ended_now) look.changed = true;
    ended.emplace(key_of(process), has_ended_now);
    if (!has_ended_now) look.running.push_back(process);
  }
  ended_ = std::move(ended);
  return look;
}

ProcessTree::Look ProcessTree::steady_look() {
  for (int round = 1;; ++round) {
    Look look = this->look();
    if (!look.running.empty() || !look.changed) return look;
    if (round == kMostRounds) {
      if (look.error == 0) look.error = EAGAIN;
      return look;
    }
  }
}

int ProcessTree::signal(const ProcessStat& process, int number) {
  const int pidfd = open_pidfd(static_cast<pid_t>(process.pid));
  if (pidfd < 0) return errno;
  // Looked at after the open: from then on the descriptor and the number mean the same process.
  const auto now = table_.find(process.pid);
  int error = ESRCH;
  if (now ? now->start == process.start : child_runs(process.pid)) {
    error = pidfd_send(pidfd, number);
  } else if (!now) {
    // It has ended; or it cannot be seen for now, and must not be taken for one that has ended.
    error = pidfd_send(pidfd, 0);
    if (error == 0) error = EAGAIN;
  }
  ::close(pidfd);
  return error;
}

Remains ProcessTree::signal_all(int number) {
  const Look look = steady_look();
  Remains remains;
  remains.error = look.error;
  for (const ProcessStat& process : look.running) {
    const int error = number == 0 ? 0 : signal(process, number);
    if (error == ESRCH) continue;
    remains.survivors.push_back({{process.pid, process.start}, process.state, error});
  }
  return remains;
}

Remains ProcessTree::alive() { return signal_all(0); }

// All are looked up before the command is told: what it starts then, to clean up, must not be told.
Remains ProcessTree::terminate() {
  Remains remains = signal_all(SIGTERM);
  const auto is_command = [this](const Survivor& survivor) {
    return command_ && survivor.process.pid == command_->pid;
  };
  const bool is_seen = std::ranges::any_of(remains.survivors, is_command);
  if (!is_seen) signal_command(SIGTERM);
  signal_all(SIGCONT);
  if (!is_seen) signal_command(SIGCONT);
  return remains;
}

// Not SIGKILL at once: without adoption a process that was started since the look would leave the
// tree with the death of its parent, and a supervisor would start anew what is killed.
//
// Known race, without adoption, on a host so busy that a process gets no processor for 100 ms:
//   1 it is in the middle of a fork when it is sent SIGSTOP, which it will notice after that
//   2 nothing new is seen  3 its fork is done  4 it is killed, and its child is lost to init.
std::vector<ProcessStat> ProcessTree::stop_all() {
  Stopped stopped;
  for (int round = 0; round < kMostRounds; ++round) {
    const Look look = this->look();
    bool any_new = false;
    for (const ProcessStat& process : look.running) any_new |= stop(process, stopped);
    if (!any_new && !look.changed) break;
    chase(stopped);
    await_stop(stopped);
  }
  return stopped.processes;
}

// True: the process is a new one.
bool ProcessTree::stop(const ProcessStat& process, Stopped& stopped) {
  if (!stopped.known.insert(key_of(process)).second) return false;
  stopped.processes.push_back(process);
  if (signal(process, SIGSTOP) == 0) stopped.awaited.push_back(process);
  return true;
}

// A process takes notice of SIGSTOP when it leaves the kernel, and a fork that it is in the middle
// of is done by then.
void ProcessTree::await_stop(Stopped& stopped) {
  for (;;) {
    std::erase_if(stopped.awaited, [this](const ProcessStat& process) {
      const auto now = table_.find(process.pid);
      return !now || now->start != process.start || now->state != 'R';
    });
    if (stopped.awaited.empty() || stopped.waits == kMostWaits) return;
    ++stopped.waits;
    ::poll(nullptr, 0, 1);
  }
}

// A process that forks and ends at once is gone before a look is over. But its child becomes ours,
// the youngest one, and that is quickly found.
void ProcessTree::chase(Stopped& stopped) {
  for (int count = 0; count < kMostChased; ++count) {
    reap_front();  // or there would be ever more to look through
    const auto children = table_.children();
    if (children.empty()) return;
    const auto youngest = youngest_running(children);
    if (youngest && !stop(*youngest, stopped)) return;
  }
}

std::optional<ProcessStat> ProcessTree::youngest_running(
    const std::vector<std::int64_t>& children) {
  for (const std::int64_t pid : children) {
    const auto process = table_.find(pid);
    if (process && !has_ended(*process) && !is_spared(*process)) return process;
  }
  return std::nullopt;
}

Remains ProcessTree::kill_all() {
  signal_command(SIGKILL);
  for (const ProcessStat& process : stop_all()) signal(process, SIGKILL);
  return signal_all(SIGKILL);  // with what is new
}

bool ProcessTree::is_waited_for(std::int64_t pid) const {
  if (is_helper_ && is_helper_(pid)) return true;
  if (!command_ || command_->pid != pid) return false;
  // Its number may be used again, by an orphan that nobody waits for.
  const auto now = table_.find(pid);
  return !now || !command_->start || now->start == *command_->start;
}

void ProcessTree::reap_orphans() {
  if (reap_front()) return;
  for (const ProcessStat& process : table_.all().processes) {
    const bool ours = process.parent == ::getpid() && has_ended(process);
    if (ours && !is_waited_for(process.pid)) reap(process.pid);
  }
}

// False: a child that somebody else waits for stands first, and waitid(2) shows no other.
bool ProcessTree::reap_front() {
  for (int count = 0; count < kMostReaped; ++count) {
    siginfo_t info{};
    const int got = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    if (got != 0 || info.si_pid == 0) return true;
    if (is_waited_for(info.si_pid)) return false;
    reap(info.si_pid);
  }
  return true;
}

}  // namespace ufl

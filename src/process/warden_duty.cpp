// SPDX-License-Identifier: MIT

#include "process/warden_duty.hpp"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <utility>

#include "sys/process_info.hpp"

namespace ufl {

namespace {

using std::chrono::milliseconds;

// While something of the command may run, and afterwards, when only ufl may need to be continued.
constexpr Duration kInterval = milliseconds{20};
constexpr Duration kLongestInterval = std::chrono::seconds{1};

// Nothing is left but what cannot be signalled, or is about to end: SIGKILL waits for it.
bool is_done(const Remains& remains) {
  return remains.error == 0 && std::ranges::all_of(remains.survivors, [](const Survivor& survivor) {
           return survivor.error != 0 || survivor.state == 'D';
         });
}

// The warden and the bystander of this ufl, and those of inner ufls. Those have work to do, perhaps
// with processes that no sign of ours marks, and end by themselves when it is done, as their ufls
// are killed.
bool is_helper(std::int64_t pid) {
  if (pid == ::getpid()) return true;
  const std::string name = process_name(static_cast<pid_t>(pid));
  return name == "lock-warden" || name == "lock-bystander";
}

}  // namespace

// As long as ufl lives it adopts orphans, and no descendant leaves the tree below it. So signs are
// looked for only after that: it takes longer, and may hang where a process waits for a share.
WardenDuty::WardenDuty(pid_t ufl, const ProcessTree& tree, LeaseTerm& term,
                       const std::string& token, const Clock& clock, ProcessTable& table)
    : ufl_{ufl},
      term_{term},
      clock_{clock},
      signs_{token},
      below_ufl_{tree, is_helper,
                 // Looked at after the picture was taken: if ufl is our parent now, it was when
                 // that was taken, and nobody else had its number.
                 [this](const ProcessStat& process) { return process.parent == ufl_ && is_ufl(); },
                 kCommand},
      // Not ufl, which has the lifeline, too, and may be there still: it has closed the orders, and
      // could not end this warden before; or it is about to end, and a share keeps it.
      signed_{table,
              [this](std::int64_t pid) { return is_helper(pid) || (pid == ufl_ && is_ufl()); },
              [this](const ProcessStat& process) { return signs_.mark(process); }},
      interval_{kInterval} {}

// False also where ufl is in a PID namespace that is not seen here.
bool WardenDuty::is_ufl() const { return ::getppid() == ufl_; }

void WardenDuty::run() {
  set_timer(term_.stop_at());
  while (listen() != Heard::end) act();
  if (!term_.is_done()) bury();
}

WardenDuty::Heard WardenDuty::listen() {
  pollfd ready[] = {{kOrders, POLLIN, 0}, {kTimer, POLLIN, 0}};
  // Where a sandbox refuses the one, the other does; or a core would be busy with asking.
  if (::poll(ready, 2, -1) < 0 && errno != EINTR) ::ppoll(ready, 2, nullptr, nullptr);
  std::uint64_t expirations = 0;
  if (ready[1].revents != 0) {
    [[maybe_unused]] const ssize_t count = ::read(kTimer, &expirations, sizeof expirations);
  }
  if (ready[0].revents == 0) return Heard::nothing;
  char orders[64];
  const ssize_t count = ::read(kOrders, orders, sizeof orders);
  if (count > 0) return Heard::orders;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Heard::nothing : Heard::end;
}

void WardenDuty::set_timer(Mono when) {
  const auto since_boot = when.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  itimerspec time{};
  time.it_value = {seconds.count(), (since_boot - seconds).count()};
  ::timerfd_settime(kTimer, TFD_TIMER_ABSTIME, &time, nullptr);
}

// A warden that wakes too late, because the whole machine has slept, kills first.
void WardenDuty::act() {
  // A command that ended before the term may leave processes that live on, as without a lease; ufl
  // sees to that. What is left of a command that was stopped may not live on.
  if (!term_.is_over() && below_ufl_.command_has_ended()) return;
  if (term_.end_in_time(clock_)) is_to_tell_ = true;
  if (!term_.is_over()) {
    if (!term_.is_done()) set_timer(term_.stop_at());
    return;
  }
  stop_command(clock_.now());
}

void WardenDuty::stop_command(Mono now) {
  if (now >= term_.kill_at()) {
    const bool done = is_done(below_ufl_.kill_all());
    interval_ = done ? std::min(2 * interval_, kLongestInterval) : kInterval;
  } else if (std::exchange(is_to_tell_, false)) {
    below_ufl_.terminate();
  }
  if (is_ufl()) ::kill(ufl_, SIGCONT);
  const Mono next = clock_.now() + interval_;
  set_timer(now < term_.kill_at() ? std::min(next, term_.kill_at()) : next);
}

void WardenDuty::bury() {
  constexpr int kMostSweeps = 100;
  below_ufl_.signal_command(SIGKILL);  // which may not have died with ufl: a set-user-ID program
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    if (is_done(signed_.kill_all())) return;
    ::poll(nullptr, 0, static_cast<int>(kInterval / milliseconds{1}));
  }
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "process/warden.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>

#include "process/end_child.hpp"
#include "process/warden_duty.hpp"
#include "sys/descriptors.hpp"
#include "sys/pidfd.hpp"

namespace ufl {

namespace {

constexpr const char* kName = "lock-warden";

// One that ends as soon as it has begun is not replaced all the time.
constexpr Duration kShortLife = std::chrono::milliseconds{100};

// In the child. One thread has forked, so everything may be called here. False: it would take other
// descriptors for its own, see orders that do not come as the end of ufl, and kill the command.
bool become_warden(int orders, int timer, int command, const ProcessTitle& title) {
  ::setsid();  // a signal to ufl's group does not reach it
  if (!place_descriptor(orders, WardenDuty::kOrders)) return false;
  if (!place_descriptor(timer, WardenDuty::kTimer)) return false;
  if (!place_descriptor(command, WardenDuty::kCommand)) return false;
  close_descriptors_from(WardenDuty::kCommand + 1);
  ::prctl(PR_SET_NAME, kName);
  title.set_in_child(kName);
  return true;
}

}  // namespace

Warden::Warden(EventLoop& loop, ProcessTable& table, const ProcessTitle& title, const Clock& clock)
    : loop_{loop}, table_{table}, title_{title}, clock_{clock}, timer_{loop.make_timer()} {}

int Warden::start(const std::string& token, const ProcessTree& tree, Mono stop_at, Mono kill_at,
                  Duration kill_after) {
  dismiss();
  if (tree.command_pidfd() < 0) return ENOSYS;
  const int error = term_.open(stop_at, kill_at, kill_after);
  if (error != 0) return error;
  token_ = token;
  tree_ = &tree;
  return begin();
}

int Warden::begin() {
  const int timer = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  int pipe[2] = {-1, -1};
  int error = timer < 0 || ::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0 ? errno : 0;
  if (error == 0) {
    const pid_t ufl = ::getpid();
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);  // no signal to the group is for it
    pid_ = ::fork();
    if (pid_ < 0) error = errno;
    if (pid_ == 0) {
      WardenDuty duty{ufl, *tree_, term_, token_, clock_, table_};
      if (become_warden(pipe[0], timer, tree_->command_pidfd(), title_)) duty.run();
      ::_exit(0);
    }
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
  }
  if (timer >= 0) ::close(timer);
  if (pipe[0] >= 0) ::close(pipe[0]);
  orders_ = pipe[1];
  begun_ = clock_.now();
  error == 0 ? watch() : end();
  return error;
}

// Without a pidfd the next refresh notices the end of the warden.
void Warden::watch() {
  const int pidfd = open_pidfd(pid_);
  if (pidfd < 0) return;
  try {
    watch_ = loop_.watch(pidfd, [this] { replace(); });
  } catch (const std::system_error&) {
    watch_.reset();
  }
  ::close(pidfd);
}

// The warden has ended, its task has not.
void Warden::replace() {
  end();
  if (token_.empty()) return;
  const Mono now = clock_.now();
  if (now - begun_ >= kShortLife && begin() == 0) return;
  timer_->at(now + kShortLife, [this] { replace(); });
}

// Has the warden ended? It is not waited for here.
bool Warden::has_ended() const {
  siginfo_t info{};
  const int got = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  return got == 0 && info.si_pid == pid_;
}

bool Warden::raise(Mono stop_at, Mono kill_at) {
  if (token_.empty()) return true;
  if (!term_.raise(clock_, stop_at, kill_at)) return false;
  if (pid_ < 0 || has_ended()) replace();
  return true;
}

bool Warden::end_term(Mono kill_at) {
  if (token_.empty()) return true;
  const bool first = term_.end(kill_at);
  // By the warden's own clock it may not be time yet. The pipe has room for thousands of these, and
  // SIGPIPE is held back.
  if (orders_ >= 0) [[maybe_unused]]
    const ssize_t written = ::write(orders_, "", 1);
  return first;
}

void Warden::dismiss() {
  [[maybe_unused]] const bool was_in_time = term_.conclude();
  token_.clear();
  timer_->cancel_timer();
  end();
}

void Warden::end() {
  watch_.reset();
  if (orders_ >= 0) ::close(orders_);
  orders_ = -1;
  if (pid_ > 0) end_child(pid_);
  pid_ = -1;
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "process/signal_bystander.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "process/end_child.hpp"
#include "sys/descriptors.hpp"
#include "sys/pidfd.hpp"
#include "sys/process_info.hpp"

namespace ufl {

namespace {

constexpr const char* kName = "lock-bystander";

// What the bystander has open as long as the command runs, and nothing else: somebody may wait for
// the end of all others.
constexpr int kKeptFile = 0;
constexpr int kCommand = 1;

void wait_for_command() {
  pollfd command{kCommand, POLLIN, 0};
  while (::poll(&command, 1, -1) < 0 && errno == EINTR) {
  }
}

// In the child, with every signal blocked. One thread has forked, so everything may be called here.
[[noreturn]] void stand_by(pid_t parent, const ProcessTitle& title, int kept_file, int command) {
  const bool keeps = kept_file > kCommand && command > kCommand &&
                     place_descriptor(kept_file, kKeptFile) && place_descriptor(command, kCommand);
  close_descriptors_from(keeps ? kCommand + 1 : 0);
  // Not "ufl": a signal sent to processes of that name must not look like one to the group. What
  // goes by the executable (pidof(8)) is deceived all the same.
  ::prctl(PR_SET_NAME, kName);
  title.set_in_child(kName);
  if (keeps) wait_for_command();
  close_descriptors_from(0);
  // Ends with ufl, however that ends or has ended.
  const bool ends_with_parent = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
  // Where a sandbox refuses either, it looks for itself, each second.
  while (::getppid() == parent) {
    const bool waits = ends_with_parent && (::pause() == 0 || errno == EINTR);
    if (!waits) ::poll(nullptr, 0, 1000);
  }
  ::_exit(0);
}

}  // namespace

SignalBystander::~SignalBystander() {
  remove();
  if (command_ >= 0) ::close(command_);
}

void SignalBystander::keep(int file, pid_t command) {
  kept_file_ = file;
  if (command_ >= 0) ::close(command_);
  command_ = open_pidfd(command);
}

void SignalBystander::start() {
  remove();
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) stand_by(parent, title_, kept_file_, command_);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

void SignalBystander::stop() {
  if (pid_ > 0 && !std::exchange(is_stopped_, true)) ::kill(pid_, SIGKILL);
}

void SignalBystander::remove() {
  if (pid_ <= 0) return;
  end_child(pid_);  // or it ends with us
  pid_ = -1;
  is_stopped_ = false;
}

bool SignalBystander::saw(int signal_number) const {
  return pid_ > 0 && is_pending(pid_, signal_number);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/needed_calls.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <system_error>

#include "sys/pidfd.hpp"

namespace ufl {

namespace {

constexpr int kNoFile = -1;

/// A call that does nothing: it asks for what is there anyway, or of a descriptor or a file that
/// cannot be, and fails by EBADF, ENOENT, EFAULT or ECHILD where it is allowed.
struct Probe {
  const char* name;
  long (*call)();
};

template <std::size_t size>
void require(const std::array<Probe, size>& probes) {
  for (const Probe& probe : probes) {
    errno = 0;
    if (probe.call() >= 0 || (errno != EPERM && errno != ENOSYS)) continue;
    throw std::system_error{errno, std::generic_category(), probe.name};
  }
}

// Not asked for: signalfd4, epoll_create1, timerfd_create. The event loop needs them to be made,
// and throws.
constexpr std::array kWait{
    // glibc's getpid() and getppid() hand the refusal back as a number.
    Probe{"getpid", [] { return ::syscall(SYS_getpid); }},
    Probe{"getppid", [] { return ::syscall(SYS_getppid); }},
    Probe{"rt_sigprocmask", [] { return long{::sigprocmask(SIG_BLOCK, nullptr, nullptr)}; }},
    Probe{"rt_sigaction",
          [] {
            struct sigaction action = {};
            return long{::sigaction(SIGCHLD, nullptr, &action)};
          }},
    // Without them Asio waits for nothing, or for ever, and says neither.
    Probe{"epoll_ctl",
          [] {
            epoll_event event = {};
            return long{::epoll_ctl(kNoFile, EPOLL_CTL_MOD, kNoFile, &event)};
          }},
    Probe{"epoll_wait",
          [] {
            epoll_event event = {};
            return long{::epoll_wait(kNoFile, &event, 1, 0)};
          }},
    Probe{"ioctl",
          [] {
            int on = 1;
            return long{::ioctl(kNoFile, FIONBIO, &on)};
          }},
    Probe{"timerfd_settime",
          [] {
            const itimerspec time = {};
            return long{::timerfd_settime(kNoFile, 0, &time, nullptr)};
          }},
    Probe{"fstat",
          [] {
            struct stat info = {};
            return long{::fstat(kNoFile, &info)};
          }},
};

constexpr std::array kChange{
    Probe{"unlink", [] { return long{::unlink("")}; }},
    Probe{"rename", [] { return long{::rename("", "")}; }},
    Probe{"lseek", [] { return long{::lseek(kNoFile, 0, SEEK_SET)}; }},
};

// Without flock(2) ufl would overwrite what others have done meanwhile (posix_file_system.cpp).
constexpr std::array kLock{
    Probe{"flock", [] { return long{::flock(kNoFile, LOCK_UN)}; }},
};

constexpr std::array kRun{
    Probe{"kill", [] { return long{::kill(::getpid(), 0)}; }},
    // We are no child of ours.
    Probe{"wait4", [] { return long{::waitpid(::getpid(), nullptr, WNOHANG)}; }},
    Probe{"waitid",
          [] {
            siginfo_t info = {};
            return long{
                ::waitid(P_PID, static_cast<id_t>(::getpid()), &info, WEXITED | WNOHANG | WNOWAIT)};
          }},
};

constexpr std::array kStop{
    Probe{"prctl", [] { return long{::prctl(PR_GET_DUMPABLE)}; }},
    Probe{"pidfd_open", [] { return long{open_pidfd(0)}; }},
    Probe{"pidfd_send_signal",
          [] { return ::syscall(SYS_pidfd_send_signal, kNoFile, 0, nullptr, 0U); }},
};

}  // namespace

void require_calls_to_wait() { require(kWait); }

void require_calls_to_change(bool locked) {
  require(kChange);
  if (locked) require(kLock);
}

void require_calls_to_run() { require(kRun); }
void require_calls_to_stop() { require(kStop); }

}  // namespace ufl

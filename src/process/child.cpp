// SPDX-License-Identifier: MIT

#include "process/child.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace ufl {

namespace {

namespace asio = boost::asio;
namespace process = boost::process::v2;

using Process = process::basic_process<asio::any_io_executor>;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

/// A launcher in the sense of Boost.Process v2. Its own default_launcher (1.81 and 1.83) closes
/// inherited descriptors, leaves the signal mask as ours, runs exit(3) in the child when the exec
/// fails, leaves that child unreaped, and does not run scripts without "#!" as execvp(3) does.
struct ExecLauncher {
  const Signals& signals;
  const ClosedStandardFds& closed;
  int fork_error = 0;
  int exec_error = 0;

  Process operator()(const asio::any_io_executor& executor, const std::string& path,
                     const std::vector<std::string>& arguments) {
    // Everything that allocates happens before the fork.
    auto argv = pointers(arguments);
    std::vector<std::string> script{"/bin/sh", path};
    script.insert(script.end(), arguments.begin() + 1, arguments.end());
    auto script_argv = pointers(script);

    int pipe[2];  // tells exec's errno; closed by a successful exec
    if (::pipe2(pipe, O_CLOEXEC) != 0) {
      fork_error = errno;
      return Process{executor};
    }
    const pid_t pid = ::fork();
    if (pid == 0) exec(path.c_str(), argv.data(), script_argv.data(), pipe[1]);
    if (pid < 0) fork_error = errno;
    ::close(pipe[1]);
    if (pid > 0) {
      ssize_t count = 0;
      do {
        count = ::read(pipe[0], &exec_error, sizeof exec_error);
      } while (count < 0 && errno == EINTR);
    }
    ::close(pipe[0]);
    if (pid < 0) return Process{executor};
    try {
      return Process{executor, pid};
    } catch (const boost::system::system_error& error) {
      // No pidfd to wait with, although Child found that the kernel has them: undo the start.
      ::kill(pid, SIGKILL);
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
      fork_error = error.code().value();
      return Process{executor};
    }
  }

 private:
  // In the child: only async-signal-safe calls.
  [[noreturn]] void exec(const char* path, char** argv, char** script_argv, int report_fd) const {
    for (int fd = 0; fd < 3; ++fd) {
      if (closed.closed[fd]) ::close(fd);
    }
    signals.restore_in_child();
    ::execve(path, argv, environ);
    if (errno == ENOEXEC) ::execve(script_argv[0], script_argv, environ);
    const int error = errno;
    // The pipe is empty and has room for this; if the write fails all the same, the status still
    // tells.
    [[maybe_unused]] const ssize_t written = ::write(report_fd, &error, sizeof error);
    ::_exit(status_of_exec_error(error));
  }
};

CommandEnd describe(int wait_status) {
  // Not Process::exit_code(): it cannot tell exit(9) from SIGKILL (Boost 1.81).
  CommandEnd end;
  if (WIFSIGNALED(wait_status)) {
    end.signal = WTERMSIG(wait_status);
    end.status = 128 + end.signal;
  } else {
    end.status = WEXITSTATUS(wait_status);
  }
  return end;
}

}  // namespace

struct Child::Impl {
  EventLoop& loop;
  const Signals& signals;
  const ClosedStandardFds& closed;
  std::optional<Process> process;
  bool running = false;
};

Child::Child(EventLoop& loop, const Signals& signals, const ClosedStandardFds& closed)
    : impl_{std::make_unique<Impl>(Impl{loop, signals, closed, {}, false})} {
  // Found out now, before any lock is taken: Linux before 5.3 and some sandboxes have none.
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (pidfd < 0) throw std::system_error{errno, std::generic_category(), "pidfd_open"};
  ::close(pidfd);
}

Child::~Child() = default;

int Child::spawn(const Command& command, const std::string& path, EndHandler on_end) {
  ExecLauncher launcher{impl_->signals, impl_->closed};
  Process process = launcher(impl_->loop.context().get_executor(), path, command.arguments);
  if (launcher.fork_error != 0) return launcher.fork_error;

  impl_->process.emplace(std::move(process));
  impl_->running = true;
  impl_->process->async_wait([this, exec_error = launcher.exec_error, on_end = std::move(on_end)](
                                 const boost::system::error_code&, int) {
    impl_->running = false;
    CommandEnd end = describe(impl_->process->native_exit_code());
    end.exec_error = exec_error;
    on_end(end);
  });
  return 0;
}

void Child::signal(int signal_number) {
  if (!impl_->running) return;
  // The loop may have reaped the command and not told us yet; its pid may be somebody else's by
  // now.
  siginfo_t info{};
  const pid_t pid = impl_->process->id();
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  ::kill(pid, signal_number);
}

bool Child::in_our_group() const {
  return impl_->running && ::getpgid(impl_->process->id()) == ::getpgrp();
}

}  // namespace ufl

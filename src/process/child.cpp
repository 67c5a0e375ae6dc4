// SPDX-License-Identifier: MIT

#include "process/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "process/end_child.hpp"
#include "sys/pidfd.hpp"

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

/// A pipe whose ends no command inherits.
class Pipe {
 public:
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() { close(); }

  /// 0, or the errno value.
  [[nodiscard]] int open() { return ::pipe2(ends_, O_CLOEXEC) == 0 ? 0 : errno; }

  [[nodiscard]] int out() const { return ends_[0]; }
  [[nodiscard]] int in() const { return ends_[1]; }

  void close_in() { close_end(ends_[1]); }
  void close() {
    close_end(ends_[0]);
    close_end(ends_[1]);
  }

 private:
  static void close_end(int& end) {
    const int descriptor = std::exchange(end, -1);
    if (descriptor >= 0) ::close(descriptor);
  }

  int ends_[2] = {-1, -1};
};

// All that comes from a pipe, up to the size of `value`. 0: its other end was closed before.
template <typename Value>
ssize_t read_value(int pipe, Value& value) {
  ssize_t count = 0;
  do {
    count = ::read(pipe, &value, sizeof value);
  } while (count < 0 && errno == EINTR);
  return count;
}

/// What the child does until it is the command. Made before the fork, so that nothing allocates
/// after it. Boost.Process v2 only waits for the child, because its launcher (1.81 and 1.83) closes
/// inherited descriptors, leaves the signal mask as ours, runs exit(3) in the child when the exec
/// fails, leaves that child unreaped, and does not run scripts without "#!" as execvp(3) does.
class ChildStart {
 public:
  ChildStart(const Signals& signals, const ClosedStandardFds& closed, SpawnOptions options,
             const std::string& path, const std::vector<std::string>& arguments)
      : signals_{signals},
        closed_{closed},
        options_{options},
        path_{path},
        script_{"/bin/sh", path},
        parent_{::getpid()} {
    script_.insert(script_.end(), arguments.begin() + 1, arguments.end());
    argv_ = pointers(arguments);
    script_argv_ = pointers(script_);
  }

  // In the child: only async-signal-safe calls. Signals are held back as they are in ufl: one that
  // comes meanwhile waits, and does what it does to the command when exec() lets it through.
  [[noreturn]] void run(Pipe& barrier, const Pipe& report) {
    barrier.close_in();  // or its end would never be seen here
    if (options_.die_with_parent && !follow_parent()) ::_exit(0);
    char go = 0;
    if (read_value(barrier.out(), go) != 1) ::_exit(0);  // ufl is gone, or does not want it
    exec(report.in());
  }

 private:
  // False: the parent had died before.
  [[nodiscard]] bool follow_parent() const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const pid_t parent = ::getppid();
    // 0: it is not in our PID namespace (unshare -p without --fork), and we are never told of its
    // end in this way; what the barrier does not see is then not seen.
    return parent == parent_ || parent == 0;
  }

  [[noreturn]] void exec(int report) {
    for (int fd = 0; fd < 3; ++fd) {
      if (closed_.closed[fd]) ::close(fd);
    }
    // A Ctrl-\ that waited dumps no core of ours. The command can be dumped again: execve(2).
    ::prctl(PR_SET_DUMPABLE, 0);
    signals_.restore_in_child();
    ::execve(path_.c_str(), argv_.data(), environ);
    if (errno == ENOEXEC) ::execve(script_argv_[0], script_argv_.data(), environ);
    const int error = errno;
    // The pipe is empty and has room for this; if the write fails all the same, the status still
    // tells.
    [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
    ::_exit(status_of_exec_error(error));
  }

  const Signals& signals_;
  const ClosedStandardFds& closed_;
  SpawnOptions options_;
  const std::string& path_;
  std::vector<std::string> script_;
  std::vector<char*> argv_;
  std::vector<char*> script_argv_;
  pid_t parent_;
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
  enum class State { none, waiting, running };

  Impl(EventLoop& its_loop, const Signals& its_signals, const ClosedStandardFds& closed_fds,
       ProcessTable& its_table)
      : loop{its_loop}, signals{its_signals}, closed{closed_fds}, table{its_table} {}

  EventLoop& loop;
  const Signals& signals;
  const ClosedStandardFds& closed;
  ProcessTable& table;
  State state = State::none;
  ProcessId id;
  Pipe barrier;  ///< ends the wait of the child
  Pipe report;   ///< tells exec's errno; closed by a successful exec
  std::optional<Process> process;
  int pidfd = -1;  ///< of the process, opened before it could end and be waited for
  std::unique_ptr<Watch> end_watch;  ///< tells of the end
  std::unique_ptr<Watch> children;   ///< does so where there are no pidfds
  EndHandler on_end;

  // The news of an end before go() has come already, and was for nobody.
  void await_end() {
    asio::post(loop.context(), [this] { look(); });
  }

  // With a descriptor of its own, which it closes. That which Boost would open itself is an invalid
  // one where none is left, and the error then is EBADF (1.81).
  void watch(pid_t pid) {
    const int own = open_pidfd(pid);
    if (own < 0) throw boost::system::system_error{errno, boost::system::system_category()};
    process.emplace(loop.context().get_executor(), pid, own);
    end_watch = loop.watch(pidfd, [this] { look(); });
  }

  // Not async_wait() of Boost's process: it believes Asio, which may say for nothing that the
  // descriptor can be read (event_loop.cpp), and then blocks in waitpid(2) until the end.
  void look() {
    if (state != State::running) return;
    if (process) {
      boost::system::error_code error;
      if (!process->running(error)) ended(process->native_exit_code());
      return;
    }
    int wait_status = 0;
    const auto pid = static_cast<pid_t>(id.pid);
    if (::waitpid(pid, &wait_status, WNOHANG) == pid) ended(wait_status);
  }

  void ended(int wait_status) {
    if (state != State::running) return;  // it was left
    state = State::none;
    CommandEnd end = describe(wait_status);
    // Does not wait: the command has ended, and nobody else can write.
    read_value(report.out(), end.exec_error);
    report.close();
    on_end(end);
  }

  // What has not begun ends by itself, too, when nobody can let it go any more.
  void reap() {
    barrier.close();
    end_child(static_cast<pid_t>(id.pid));
    state = State::none;
    let_be();
    report.close();
  }

  // The destructor of Boost's process would kill it, and wait for that as long as it takes.
  void let_be() {
    end_watch.reset();
    if (process) [[maybe_unused]]
      const auto left = process->detach();
    process.reset();
    if (pidfd >= 0) ::close(std::exchange(pidfd, -1));
  }
};

Child::Child(EventLoop& loop, const Signals& signals, const ClosedStandardFds& closed,
             ProcessTable& table)
    : impl_{std::make_unique<Impl>(loop, signals, closed, table)} {
  // Found out now, before any lock is taken: Linux before 5.3 and some sandboxes have none.
  const int pidfd = open_pidfd(::getpid());
  if (pidfd >= 0) {
    ::close(pidfd);
  } else if (errno == EPERM || errno == ENOSYS) {
    impl_->children = loop.watch_children([this] { impl_->look(); });
  } else {
    throw std::system_error{errno, std::generic_category(), "pidfd_open"};
  }
}

Child::~Child() {
  abandon();
  if (impl_->state == Impl::State::running) end_child(static_cast<pid_t>(impl_->id.pid));
  impl_->let_be();
}

int Child::spawn(const Command& command, const std::string& path, SpawnOptions options) {
  impl_->let_be();  // the one before
  ChildStart start{impl_->signals, impl_->closed, options, path, command.arguments};
  int error = impl_->barrier.open();
  if (error == 0) error = impl_->report.open();
  const pid_t pid = error == 0 ? ::fork() : -1;
  if (pid == 0) start.run(impl_->barrier, impl_->report);
  if (pid < 0) {
    if (error == 0) error = errno;
    impl_->barrier.close();
    impl_->report.close();
    return error;
  }
  impl_->report.close_in();
  impl_->state = Impl::State::waiting;
  impl_->id = {pid, {}};
  impl_->pidfd = open_pidfd(pid);
  if (impl_->pidfd < 0 && !impl_->children) {
    error = errno;
    abandon();
    return error;
  }
  try {
    if (!impl_->children) impl_->watch(pid);
  } catch (const boost::system::system_error& failure) {
    // No descriptor to wait with, although the constructor found that the kernel has pidfds.
    abandon();
    return failure.code().value();
  } catch (const std::system_error& failure) {
    abandon();
    return failure.code().value();
  }
  if (const auto stat = impl_->table.find(pid)) impl_->id.start = stat->start;
  return 0;
}

ProcessId Child::id() const { return impl_->id; }

int Child::pidfd() const { return impl_->pidfd; }

void Child::go(EndHandler on_end) {
  if (impl_->state != Impl::State::waiting) return;
  impl_->state = Impl::State::running;
  // If it has been killed meanwhile, nobody reads this; how it ended tells.
  [[maybe_unused]] const ssize_t written = ::write(impl_->barrier.in(), "", 1);
  impl_->barrier.close();
  impl_->on_end = std::move(on_end);
  impl_->await_end();
}

void Child::abandon() {
  if (impl_->state == Impl::State::waiting) impl_->reap();
}

void Child::leave() {
  impl_->state = Impl::State::none;
  impl_->let_be();
}

void Child::signal(int signal_number) {
  if (impl_->state == Impl::State::none) return;
  // Nobody has waited for it, so its number is nobody else's.
  ::kill(static_cast<pid_t>(impl_->id.pid), signal_number);
}

bool Child::in_our_group() const {
  return impl_->state != Impl::State::none &&
         ::getpgid(static_cast<pid_t>(impl_->id.pid)) == ::getpgrp();
}

}  // namespace ufl

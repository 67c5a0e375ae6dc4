// SPDX-License-Identifier: MIT
//
// Makes the real world and hands it to the verb that was asked for.

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "cli/parse.hpp"
#include "process/signals.hpp"
#include "protocol/judge.hpp"
#include "report/exit_status.hpp"
#include "report/say.hpp"
#include "report/terminal.hpp"
#include "sys/host_identity.hpp"
#include "sys/host_processes.hpp"
#include "sys/kernel_signs.hpp"
#include "sys/observation_files.hpp"
#include "sys/posix_file_system.hpp"
#include "sys/standard_fds.hpp"
#include "sys/system_clock.hpp"
#include "sys/unique_fd.hpp"
#include "verbs/perform.hpp"

namespace {

// A signal must get through to a ufl whose stdout nobody reads: what waits for a write is poll(2),
// on a signalfd, too. What can be written without waiting is, signal or not. A pipe that is
// writable takes as much as this without blocking, pipe(7).
int write_out(const std::string& text, const ufl::Signals& signals,
              const std::function<bool()>& stop) {
  if (text.empty()) return 0;
  const ufl::UniqueFd pending{::signalfd(-1, &signals.handled(), SFD_CLOEXEC | SFD_NONBLOCK)};
  std::size_t written = 0;
  bool stopped = false;
  while (written < text.size()) {
    pollfd ready[] = {{STDOUT_FILENO, POLLOUT, 0}, {pending.get(), POLLIN, 0}};
    // Where a sandbox forbids poll(2), the write waits.
    if (::poll(ready, 2, stopped ? 0 : -1) < 0 && errno != EINTR) ready[0].revents = POLLOUT;
    if ((ready[1].revents & POLLIN) != 0 && stop()) stopped = true;
    if (ready[0].revents == 0 && stopped) return EINTR;
    if (ready[0].revents == 0) continue;
    const std::size_t length = std::min(text.size() - written, std::size_t{PIPE_BUF});
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + written, length);
    if (count == 0) return ENOSPC;
    if (count < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  return 0;
}

int print(const std::string& text, bool closed, const ufl::Signals& signals) {
  // No lock is held: a signal does what it does to any program.
  ::pthread_sigmask(SIG_UNBLOCK, &signals.handled(), nullptr);
  const int error = closed ? EBADF : write_out(text, signals, [] { return false; });
  if (error == 0) return ufl::exit_status::kOk;
  ufl::say(std::string{"cannot write to stdout: "} + std::strerror(error) + "; see where it goes");
  return ufl::exit_status::kFailed;
}

int perform(const ufl::Options& options, const ufl::Signals& signals,
            const ufl::ClosedStandardFds& closed_fds, const ufl::ProcessTitle& title) {
  const ufl::SystemClock clock;
  ufl::HostIdentity identity{options.close_lifeline};
  ufl::PosixFileSystem files{options.close_lifeline ? ufl::OnExec::close : ufl::OnExec::keep};
  ufl::KernelSigns signs;
  ufl::Judge liveness{identity, signs};
  ufl::ObservationFiles observations{identity};
  ufl::HostProcesses processes;
  const bool closed = closed_fds.closed[STDOUT_FILENO];
  const ufl::World world{
      clock,
      identity,
      files,
      liveness,
      observations,
      processes,
      signals,
      closed_fds,
      title,
      [closed, &signals](const std::string& text, const std::function<bool()>& stop) {
        return closed ? EBADF : write_out(text, signals, stop);
      },
      [] { return ufl::wants_colour(STDOUT_FILENO); },
      [&files] { return files.kept().fd(); }};
  const ufl::Ending ending = ufl::perform(options, world);
  return ending.signal != 0 ? ufl::die_of(ending.signal) : ending.status;
}

}  // namespace

int main(int argc, char** argv) {
  const ufl::ClosedStandardFds closed_fds = ufl::fill_standard_fds();
  const ufl::Signals signals;
  try {
    const std::vector<std::string> words{argv + (argc > 0 ? 1 : 0), argv + argc};
    const ufl::Options options =
        ufl::parse_options(words, [](const char* name) { return std::getenv(name); });
    const bool closed = closed_fds.closed[STDOUT_FILENO];
    if (options.action == ufl::Action::help) return print(ufl::help_text(), closed, signals);
    if (options.action == ufl::Action::version)
      return print("ufl " UFL_VERSION "\n", closed, signals);
    return perform(options, signals, closed_fds, {argc, argv});
  } catch (const ufl::UsageError& error) {
    ufl::say(error.what());
    return ufl::exit_status::kUsage;
  } catch (const std::exception& error) {
    ufl::say(std::string{"internal error: "} + error.what() + "; please report it");
    return ufl::exit_status::kFailed;
  }
}

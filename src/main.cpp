// SPDX-License-Identifier: MIT
//
// Makes the real world and hands it to the verb that was asked for.

#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "cli/parse.hpp"
#include "process/signals.hpp"
#include "process/standard_fds.hpp"
#include "report/exit_status.hpp"
#include "report/say.hpp"
#include "report/terminal.hpp"
#include "sys/host_identity.hpp"
#include "sys/host_liveness.hpp"
#include "sys/posix_file_system.hpp"
#include "sys/system_clock.hpp"
#include "verbs/perform.hpp"

namespace {

// All of `text` on stdout, or the errno value of why not.
int write_out(const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + written, text.size() - written);
    if (count > 0) {
      written += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
      return count == 0 ? ENOSPC : errno;
    } else if (errno == EAGAIN) {  // somebody has made it non-blocking
      pollfd out{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&out, 1, -1);
    }
  }
  return 0;
}

int print(const std::string& text, bool closed) {
  const int error = closed ? EBADF : write_out(text);
  if (error == 0) return ufl::exit_status::kOk;
  ufl::say(std::string{"cannot write to stdout: "} + std::strerror(error) + "; see where it goes");
  return ufl::exit_status::kFailed;
}

int perform(const ufl::Options& options, const ufl::Signals& signals,
            const ufl::ClosedStandardFds& closed_fds, const ufl::ProcessTitle& title) {
  const ufl::SystemClock clock;
  ufl::HostIdentity identity;
  ufl::PosixFileSystem files;
  ufl::HostLiveness liveness{identity};
  const bool closed = closed_fds.closed[STDOUT_FILENO];
  const ufl::World world{
      clock,
      identity,
      files,
      liveness,
      signals,
      closed_fds,
      title,
      [closed](const std::string& text) { return closed ? EBADF : write_out(text); },
      ufl::wants_colour(STDOUT_FILENO)};
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
    if (options.action == ufl::Action::help) return print(ufl::help_text(), closed);
    if (options.action == ufl::Action::version) return print("ufl " UFL_VERSION "\n", closed);
    return perform(options, signals, closed_fds, {argc, argv});
  } catch (const ufl::UsageError& error) {
    ufl::say(error.what());
    return ufl::exit_status::kUsage;
  } catch (const std::exception& error) {
    ufl::say(std::string{"internal error: "} + error.what() + "; please report it");
    return ufl::exit_status::kFailed;
  }
}

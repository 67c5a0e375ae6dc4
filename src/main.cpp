// SPDX-License-Identifier: MIT
//
// Makes the real world and hands it to the verb that was asked for.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
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
#include "sys/host_identity.hpp"
#include "sys/posix_file_system.hpp"
#include "sys/system_clock.hpp"
#include "verbs/run.hpp"

namespace {

int print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0)
    return ufl::exit_status::kOk;
  ufl::say(std::string{"cannot write to stdout: "} + std::strerror(errno) + "; see where it goes");
  return ufl::exit_status::kFailed;
}

int run(const ufl::Options& options, const ufl::Signals& signals,
        const ufl::ClosedStandardFds& closed_fds, const ufl::ProcessTitle& title) {
  const ufl::SystemClock clock;
  ufl::HostIdentity identity;
  ufl::PosixFileSystem files;
  const ufl::Ending ending =
      ufl::run(options, {clock, identity, files, signals, closed_fds, title});
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
    if (options.action == ufl::Options::Action::help) return print(ufl::help_text());
    if (options.action == ufl::Options::Action::version) return print("ufl " UFL_VERSION "\n");
    return run(options, signals, closed_fds, {argc, argv});
  } catch (const ufl::UsageError& error) {
    ufl::say(error.what());
    return ufl::exit_status::kUsage;
  } catch (const std::exception& error) {
    ufl::say(std::string{"internal error: "} + error.what() + "; please report it");
    return ufl::exit_status::kFailed;
  }
}

// SPDX-License-Identifier: MIT
//
// Parses the command line, makes the real world, lets the verb do its work in it, and ends.

#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "cli/parse.hpp"
#include "process/process_title.hpp"
#include "process/signals.hpp"
#include "protocol/judge.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "sys/host_identity.hpp"
#include "sys/kernel_signs.hpp"
#include "sys/observation_files.hpp"
#include "sys/posix_file_system.hpp"
#include "sys/standard_error.hpp"
#include "sys/standard_fds.hpp"
#include "sys/standard_output.hpp"
#include "sys/system_clock.hpp"
#include "verbs/perform.hpp"

int main(int argc, char** argv) {
  const ufl::ClosedStandardFds closed = ufl::fill_standard_fds();
  const ufl::Signals signals;
  const ufl::StandardOutput out{closed, signals.handled()};
  try {
    const std::vector<std::string> words{argv + (argc > 0 ? 1 : 0), argv + argc};
    const ufl::Options options =
        ufl::parse_options(words, [](const char* name) { return std::getenv(name); });
    const ufl::SystemClock clock;
    ufl::HostIdentity identity{options.close_lifeline};
    ufl::PosixFileSystem files{options.close_lifeline ? ufl::OnExec::close : ufl::OnExec::keep};
    ufl::KernelSigns signs;
    ufl::Judge judge{identity, signs};
    ufl::ObservationFiles observations{identity};
    const ufl::ProcessTitle title{argc, argv};
    const ufl::Ending ending =
        ufl::perform(options, {clock, identity, files, judge, observations, signs, signals, closed,
                               title, out, files.kept()});
    return ending.signal != 0 ? ufl::die_of(ending.signal) : ending.status;
  } catch (const ufl::UsageError& error) {
    ufl::say(error.what());
    return ufl::exit_status::kUsage;
  } catch (const std::exception& error) {
    ufl::say(ufl::internal_error_text(error.what()));
    return ufl::exit_status::kFailed;
  }
}

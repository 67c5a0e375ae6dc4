// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "cli/option_table.hpp"
#include "cli/parse.hpp"

namespace ufl {

namespace {

// "-w, --wait, --timeout TIME"
std::string option_names(const OptionSpec& option) {
  std::string names;
  const auto add = [&](const std::string& name) {
    if (!names.empty()) names += ", ";
    names += name;
  };
  for (const char letter : option.shorts) add(std::string{'-', letter});
  for (const std::string_view name : option.longs) {
    if (name.empty()) continue;
    const bool no_short = names.empty();
    add("--" + std::string{name});
    if (no_short) names.insert(0, "    ");
  }
  if (!option.value.empty()) names.append(" ").append(option.value);
  return names;
}

// `heading` and the variables after it, in lines of a terminal.
std::string variables_text(const std::string& heading) {
  constexpr std::size_t kWidth = 80;
  std::string text;
  std::string line = heading;
  for (const OptionSpec& option : option_table()) {
    const std::string_view name = option.environment;
    if (name.empty()) continue;
    if (line.size() + 1 + name.size() > kWidth) {
      text.append(line).append("\n");
      line.assign(heading.size(), ' ');
    }
    line.append(" ").append(name);
  }
  return text + line + '\n';
}

}  // namespace

std::string help_text() {
  constexpr std::size_t kColumn = 30;
  std::string text =
      "Usage: ufl [OPTIONS] LOCKFILE [--] COMMAND [ARG]...\n"
      "       ufl [OPTIONS] LOCKFILE -c STRING\n"
      "       ufl --acquire [OPTIONS] [--pid PID] LOCKFILE\n"
      "       ufl --release|--check|--refresh --token TOKEN LOCKFILE\n"
      "       ufl --status [--json] LOCKFILE...\n"
      "       ufl --break [--token TOKEN] LOCKFILE\n"
      "\n"
      "Hold LOCKFILE while COMMAND runs. The lock is a file holding a UUID, so it works\n"
      "where flock(1) silently fails: NFS, SMB, sshfs, WebDAV, HPC scratch.\n"
      "\n"
      "Options:\n";
  for (const OptionSpec& option : option_table()) {
    std::string line = "  " + option_names(option);
    line.resize(std::max(line.size() + 2, kColumn), ' ');
    text.append(line).append(option.help).append("\n");
  }
  text +=
      "\n"
      "TIME is a number of seconds, or has one of the units ms s m h d.\n";
  text += variables_text("Environment:");
  text +=
      "\n"
      "Exit status: the command's own (128+n if signal n killed it); 75 not acquired,\n"
      "or held (--status, --break); 76 the lock was lost, or is not TOKEN's; 64 usage;\n"
      "125 ufl failed, or cannot tell; 126/127 command not executable/not found.\n"
      "Full documentation: man ufl\n";
  return text;
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/kernel_signs.hpp"

#include <sys/types.h>

#include <limits>

#include "sys/lifeline.hpp"
#include "sys/process_info.hpp"
#include "sys/witness_file.hpp"

namespace ufl {

namespace {

// 0 and negative numbers are process groups for kill(2).
bool is_number_of_process(std::int64_t pid) {
  return pid >= 1 && pid <= std::numeric_limits<pid_t>::max();
}

}  // namespace

bool KernelSigns::process_exists(std::int64_t pid) {
  return is_number_of_process(pid) && ufl::process_exists(static_cast<pid_t>(pid));
}

std::optional<ProcessStat> KernelSigns::process_stat(std::int64_t pid) {
  if (!is_number_of_process(pid)) return std::nullopt;
  return ufl::process_stat(static_cast<pid_t>(pid));
}

LifelineState KernelSigns::probe_lifeline(std::string_view uuid) {
  return ufl::probe_lifeline(uuid);
}

bool KernelSigns::is_witnessed(std::uint64_t uid, std::string_view uuid) {
  return ufl::is_witnessed(uid, uuid);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "verbs/process_alarm.hpp"

#include <system_error>
#include <utility>

#include "sys/process_info.hpp"

namespace ufl {

bool ProcessAlarm::begin(EventLoop& loop, const ProcessId& process, std::function<void()> on_end) {
  end();
  const UniqueFd pidfd = open_process(process);
  if (!pidfd.valid()) return false;
  try {
    watch_ = loop.watch(pidfd.get(), [this, on_end = std::move(on_end)] {
      end();
      on_end();
    });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

}  // namespace ufl

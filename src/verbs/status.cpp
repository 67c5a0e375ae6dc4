// SPDX-License-Identifier: MIT

#include "verbs/status.hpp"

#include <algorithm>
#include <string>

#include "process/signal_policy.hpp"
#include "protocol/judge.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/status_text.hpp"
#include "sys/hindrances.hpp"
#include "sys/mount_table.hpp"
#include "sys/path.hpp"
#include "sys/stale_temporaries.hpp"
#include "sys/standard_error.hpp"
#include "verbs/inspecting.hpp"
#include "verbs/verb_loop.hpp"

namespace ufl {

namespace {

int status_of(InspectResult::State state) {
  switch (state) {
    case InspectResult::State::free:
      return exit_status::kOk;
    case InspectResult::State::held:
    case InspectResult::State::unknown_holder:
      return exit_status::kNotAcquired;
    case InspectResult::State::cannot_tell:
      break;
  }
  return exit_status::kFailed;
}

}  // namespace

Ending status(const Options& options, const World& world) {
  VerbLoop loop{world.signals};
  int fatal_signal = 0;
  loop.events().on_signal([&fatal_signal](const SignalEvent& event) {
    if (ends_a_wait(event.number)) fatal_signal = event.number;
  });
  const bool coloured = !options.json && world.out.is_coloured();
  Ending ending{exit_status::kOk, 0};
  StaleTemporaries temporaries;
  for (const std::string& path : options.lock_files) {
    LockStatus lock;
    lock.path = path;
    const MountTraits mount = find_mount(absolute_path(path));
    lock.local = mount.local;
    lock.look = inspect(path, lock.local, world, loop);
    if (mount.mounted_alone) {
      lock.mounted_alone = true;
      lock.look = {};
    }
    lock.life = life_of(world.judge, lock.look.seen, lock.local);
    const bool is_for_takers = lock.look.state == InspectResult::State::held ||
                               lock.look.state == InspectResult::State::unknown_holder;
    if (is_for_takers && lock.life != Life::alive) lock.hindrance = hindrance_at(path);
    lock.stale_temporaries = temporaries.beside(path);
    static_assert(exit_status::kOk < exit_status::kNotAcquired &&
                  exit_status::kNotAcquired < exit_status::kFailed);
    ending.status = std::max(ending.status, status_of(lock.look.state));
    const Wall now = world.clock.wall();
    const std::string text =
        options.json ? status_json(lock, now) : status_text(lock, now, coloured);
    const int error = loop.print(world, text, [&] { return fatal_signal != 0; });
    if (fatal_signal != 0) return ending_of_signal(fatal_signal);
    if (error != 0) {
      say(print_failure_text(path, "the status", error));
      return {exit_status::kFailed, 0};
    }
  }
  return ending;
}

}  // namespace ufl

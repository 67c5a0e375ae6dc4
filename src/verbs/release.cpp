// SPDX-License-Identifier: MIT

#include "verbs/release.hpp"

#include <string>

#include "process/signal_policy.hpp"
#include "protocol/token.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/say.hpp"
#include "sys/mount_table.hpp"
#include "sys/path.hpp"
#include "verbs/releasing.hpp"
#include "verbs/session.hpp"
#include "verbs/taking.hpp"

namespace ufl {

namespace {

Ending ending_of(const Options& options, const World& world, const ReleaseResult& result) {
  switch (result.outcome) {
    case ReleaseResult::Outcome::released:
    case ReleaseResult::Outcome::held:
      return {exit_status::kOk, 0};
    case ReleaseResult::Outcome::lost:
      if (options.verbosity != Verbosity::quiet) {
        say(not_held_text(options.lock_file, options.token, result.seen, world.clock.wall()));
      }
      return {exit_status::kLost, 0};
    case ReleaseResult::Outcome::too_late:
    case ReleaseResult::Outcome::failed:
      break;
  }
  say(cannot_check_text(options.lock_file, result.failure, result.removing));
  return {exit_status::kFailed, 0};
}

Ending release_or_look(const Options& options, const World& world, bool only_look) {
  Session session{world.signals};
  // Nothing is under way while the loop runs: only the next look is waited for.
  session.loop().on_signal([&session](const SignalEvent& event) {
    if (ends_a_wait(event.number)) session.end(ending_of_signal(event.number));
  });
  const MountTraits mount = find_mount(absolute_path(options.lock_file));
  ReleaseOptions release =
      release_options(options, mount, std::string{strip(options.token)}, delay_on(mount, options));
  release.only_look = only_look;
  Releasing releasing{world, session.timer()};
  releasing.start(release, [&](const ReleaseResult& result) {
    forget_witness(world, release.token, result);
    session.end(ending_of(options, world, result));
  });
  return session.run();
}

}  // namespace

Ending release(const Options& options, const World& world) {
  return release_or_look(options, world, false);
}

Ending check(const Options& options, const World& world) {
  return release_or_look(options, world, true);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "verbs/releasing.hpp"

#include <string>
#include <utility>

#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"

namespace ufl {

void note_release(RunReport& report, const ReleaseResult& result) {
  report.released = result.outcome == ReleaseResult::Outcome::released;
  if (result.outcome != ReleaseResult::Outcome::lost) return;
  report.kind = RunReport::Kind::lost;
  report.holder = result.seen;
}

void forget_witness(const World& world, const std::string& token) {
  if (ends_in_uuid(token)) world.identity.remove_witness(std::string{uuid_of(token)});
}

void forget_witness(const World& world, const MountTraits& mount, const std::string& token,
                    const ReleaseResult& result) {
  const bool is_over = result.outcome == ReleaseResult::Outcome::released ||
                       result.outcome == ReleaseResult::Outcome::lost ||
                       result.outcome == ReleaseResult::Outcome::too_late;
  if (!mount.local && is_over) forget_witness(world, token);
}

void Releasing::start(ReleaseOptions options, EndHandler on_ended) {
  release_.emplace(std::move(options), world_.clock);
  driver_.emplace(*release_, world_.files, timer_,
                  DriverEvents{.on_finished = [this, on_ended = std::move(on_ended)] {
                    on_ended(release_->result());
                  }});
  driver_->start();
}

}  // namespace ufl

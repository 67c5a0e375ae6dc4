// SPDX-License-Identifier: MIT

#include "verbs/releasing.hpp"

#include <string>
#include <utility>

#include "protocol/lease.hpp"
#include "protocol/record.hpp"
#include "protocol/token.hpp"

namespace ufl {

ReleaseOptions release_options(const Options& options, const MountTraits& mount, std::string token,
                               Duration delay) {
  ReleaseOptions release;
  release.path = options.lock_file;
  release.token = std::move(token);
  release.delay = delay;
  release.local = mount.local;
  release.atomic_create = mount.atomic_create;
  return release;
}

ReleaseOptions release_options(const Options& options, const MountTraits& mount,
                               const Claim& claim) {
  const ClaimResult& held = claim.result();
  ReleaseOptions release = release_options(options, mount, held.token, claim.delay());
  release.place = held.place;
  if (claim.lease()) release.until = held.begun + lease_reliable(*claim.lease());
  return release;
}

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

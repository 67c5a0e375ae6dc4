// SPDX-License-Identifier: MIT

#include "protocol/contest.hpp"

#include <algorithm>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/both_local.hpp"
#include "protocol/late.hpp"
#include "protocol/token.hpp"

namespace ufl {

namespace {

Observer observer_of(const ClaimOptions& options) {
  const auto limit = options.local
                         ? std::optional{std::max(kEmptyStalenessLimit, 10 * options.delay)}
                         : std::nullopt;
  return {limit, options.takeovers.observations, options.takeovers.observed_as};
}

// A contender that wrote that may not create exclusively; or it sees a share where we see our own
// disk, and others may do so with it.
bool may_see_less(const Sighting& seen, bool local) {
  if (seen.kind != Sighting::Kind::record) return is_whole(seen);
  return local && !both_local(seen, local);
}

}  // namespace

Contest::Contest(ClaimOptions wanted, const Clock& its_clock, Identity& its_identity)
    : options{std::move(wanted)},
      clock{its_clock},
      identity{its_identity},
      own{options.delay},
      observer{observer_of(options)} {}

FileOperation Contest::look() {
  UFL_ASSERT(clock.now() >= looked_at);
  looked_at = clock.now();
  return read_lock();
}

ReadFile Contest::read_lock() const { return {options.path, kRecordLimit, options.local}; }

std::string Contest::temporary() const {
  return std::string{directory_part(options.path)} + ".ufl-" + std::string{uuid_of(own.token())};
}

void Contest::saw(Sighting sighting, const FileReply& reply) {
  rival.is_glimpsed = false;
  ++rival.sightings;
  sighting.identity = reply.identity;
  sighting.keeper = reply.keeper;
  const bool sees_less = may_see_less(sighting, options.local);
  const bool is_foreign = sighting.kind == Sighting::Kind::foreign;
  if (!is_foreign && sees_less) observer.keep_empty_files();
  observer.saw(sighting, looked_at, clock.now());
  if (is_whole(sighting) && sighting.token != own.token() && look_is_newer_than_own()) {
    own.disown(options.local);
  }
  const bool is_new = sighting.token != rival.seen.token;
  if (is_new) ++rival.new_holders;
  // What was torn may have named no process.
  if (is_new || sighting.holder.pid != rival.seen.holder.pid) ++rival.new_processes;
  if (sees_less && options.delay_is_auto) {
    own.delay.raise_for_all(delay_beside(sighting, options.local, kForeignDelay));
  }
  rival.seen = std::move(sighting);
}

void Contest::saw_unreadable(const FileReply& reply) {
  Sighting sighting;
  sighting.kind = Sighting::Kind::unreadable;
  sighting.error = reply.error;
  saw(std::move(sighting));
}

bool Contest::is_alone() const {
  return takeover.is_on ? both_local(takeover.from, options.local) : options.local;
}

bool Contest::look_is_old() const {
  return clock.now() - looked_at >
         max_look_age(is_alone(), options.atomic_create, own.delay.of_others());
}

Duration Contest::second_opinion() const {
  return ufl::second_opinion(options.local, own.delay.in_force());
}

bool Contest::look_is_newer_than_own() const {
  return looked_at - own.published_at >= second_opinion();
}

bool Contest::is_over() const { return options.timeout != Duration::zero() && is_past_deadline(); }

void Contest::wrote() {
  UFL_ASSERT(clock.now() >= looked_at);
  own.published_at = clock.now();
  result.look_to_write = std::max(result.look_to_write, own.published_at - looked_at);
}

std::optional<KeptLease> Contest::lease() const {
  if (!options.lease) return std::nullopt;
  return KeptLease{*options.lease, options.kill_after, result.begun, result.look_to_write};
}

bool Contest::heartbeat_is_due() const {
  const auto kept = lease();
  return kept && clock.now() >= kept->refresh_at();
}

bool Contest::has_outlived_its_lease() const {
  const auto kept = lease();
  return kept && clock.now() >= kept->reliable_until();
}

bool Contest::is_too_slow(Duration takes) const {
  const auto kept = lease();
  return kept && !kept->has_room(takes);
}

}  // namespace ufl

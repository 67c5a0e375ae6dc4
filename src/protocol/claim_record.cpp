// SPDX-License-Identifier: MIT

#include "protocol/claim_record.hpp"

#include <chrono>
#include <string>

#include "protocol/token.hpp"
#include "protocol/utc.hpp"
#include "protocol/witness.hpp"

namespace ufl {

namespace {

// Before anybody can read the record: from the first look at it on, a taker that doubts that the
// holder lives must see that it does. Without room for a child there is no promise, as the lifeline
// alone does not show a command that closes its descriptors.
void promise_life(const Contest& contest, Holder& holder, const std::string& uuid) {
  const ClaimOptions& options = contest.options;
  const bool by_lifeline = !options.holder.detached && options.writes_in_place;
  if (by_lifeline && contest.identity.hold_lifeline(uuid)) holder.lifeline = kLifeline;
  const bool can_be_judged = by_lifeline || options.holder.lives_with;
  if (can_be_judged && !options.local) contest.identity.leave_witness(uuid);
}

Holder holder_of(const Contest& contest) {
  const ClaimOptions& options = contest.options;
  Holder holder = contest.identity.self();
  holder.command = options.holder.command;
  holder.since = utc_text(contest.clock.wall());
  holder.mount = options.local ? kLocalMount : kShareMount;
  holder.delay = std::chrono::duration<double>(contest.own.delay.in_force()).count();
  if (options.holder.detached) {
    holder.detached = true;
    holder.pid.reset();
    holder.start.reset();
    if (options.holder.lives_with) {
      holder.pid = options.holder.lives_with->pid;
      holder.start = options.holder.lives_with->start;
    }
  }
  if (options.lease) {
    holder.lease = std::chrono::duration<double>(*options.lease).count();
    holder.heartbeat = kFirstHeartbeat;
  }
  return holder;
}

}  // namespace

void begin_claim(Contest& contest) {
  remove_witness(contest.identity, contest.own.token());
  contest.own.disown(contest.options.local);
  Holder holder = holder_of(contest);
  const std::string uuid = contest.identity.new_uuid();
  promise_life(contest, holder, uuid);
  ClaimResult& result = contest.result;
  result.token = make_token(contest.options.holder.prefix, uuid);
  result.begun = contest.clock.now();
  result.look_to_write = {};
  contest.own.begin(result.token, format_record(result.token, holder));
}

}  // namespace ufl

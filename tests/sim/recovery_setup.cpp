// SPDX-License-Identifier: MIT

#include <algorithm>

#include "protocol/lease.hpp"
#include "sim/recovery.hpp"

namespace ufl::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kWatchAfter = seconds{1};

// What a holder with a lease needs of it, ufl-protocol(7); and room for the end of its command.
void draw_lease(Drawing& draw, Setup& setup) {
  const ShareKnobs& share = setup.share;
  RecoveryKnobs& knobs = setup.recovery;
  const Duration needed = 3 * (2 * share.v + 2 * share.b + share.w);
  knobs.lease = std::max(needed, Duration{seconds{2}}) + draw.ticks(0, 400);
  knobs.kill_after = draw.one_of({Duration::zero(), kTick * 30, knobs.lease / 2});
  while (!lease_has_room(knobs.lease, knobs.kill_after)) knobs.kill_after /= 2;
}

void draw_people(Drawing& draw, Setup& setup) {
  RecoveryKnobs& knobs = setup.recovery;
  draw_lease(draw, setup);
  knobs.leased = draw.one_of<unsigned>({0, 0, 500, 1000});
  if (knobs.leased > 0) knobs.scripts = draw.sometimes(300);
  if (knobs.leased < 1000) knobs.bound = draw.sometimes(300);
  knobs.impatient = draw.sometimes(400);
  knobs.killed = draw.one_of<unsigned>({100, 400, 700});
  knobs.killed_command = draw.sometimes(300);
  knobs.stopped = draw.sometimes(300);
  knobs.longest_stop = draw.half() ? draw.ticks(0, 300) : 3 * knobs.lease;
  knobs.closes = draw.sometimes(400);
  knobs.orphans = draw.sometimes(400);
  knobs.reused = draw.sometimes(300);
  ContenderKnobs& who = setup.contenders;
  who.longest_hold = draw.half() ? draw.ticks(0, 200) : 3 * knobs.lease;
  who.rounds = 4;
  setup.share.hung = draw.sometimes(30);
}

// Machines that were cloned, in a folder that is kept in step: a known gap (ufl(1), CAVEATS).
void with_a_neighbour(RecoveryKnobs& knobs) {
  knobs.hosts = 2;
  knobs.cloned = false;
  knobs.warden_stopped = 0;
}

// Drawn last, so that what was drawn before stays as it was.
void draw_machines(Drawing& draw, RecoveryKnobs& knobs) {
  knobs.cloned = draw.world().chance(300);
  knobs.nameless = draw.world().chance(100);
  knobs.renamed = draw.sometimes(300);
  knobs.newer = draw.world().chance(150) ? 200 : 0;
}

}  // namespace

void settle_recovery(Setup& setup) {
  RecoveryKnobs& knobs = setup.recovery;
  if (!is_recovery(setup.family)) return;
  // A share that never answers again keeps whoever waits for it, and has no lease.
  if (knobs.leased < 1000 || knobs.scripts > 0) setup.share.hung = 0;
  // Nobody fences a command for a ufl that stands still together with its warden. Only its own host
  // sees that the command lives: a known limit (ufl(1), CAVEATS).
  if (knobs.hosts > 1) knobs.warden_stopped = 0;
  // Only its own kernel shows who keeps a file; and no local file system forgets a handle.
  if (knobs.neighbour) knobs.emptied = 0;
  if (knobs.emptied > 0) setup.share.stale_lie = 0;
  // Everybody who is gone is taken over from by those who are there, unless somebody is needed who
  // knows more than a host does.
  const bool is_rebooted_known = setup.contenders.local && !knobs.nameless;
  const bool is_seen =
      knobs.hosts == 1 && knobs.unbound == 0 && (is_rebooted_known || knobs.rebooted == 0);
  const bool all_leased = (knobs.leased == 1000 && knobs.bound == 0) || knobs.scripts == 1000;
  setup.promises.recovers = knobs.newer == 0 && (is_seen || all_leased);
  setup.promises.empty_recovers = setup.contenders.local;
  // Whoever is stopped between making its file and writing into it, or for longer than its lease,
  // may be taken over from.
  setup.promises.claims_are_safe = setup.contenders.local && !setup.share.two_steps &&
                                   knobs.hosts == 1 && knobs.leased + knobs.scripts == 0;
}

void draw_recovery_local(Drawing& draw, Setup& setup) {
  ShareKnobs& share = setup.share;
  share.v = share.w = Duration::zero();
  draw_errors(draw, share);
  share.stale = share.torn = share.lost_reply = 0;
  share.overdue = draw.sometimes(100);
  share.overdue_removals = true;
  share.longest_overdue = seconds{10};
  share.flocked = draw.sometimes(50);
  draw_people(draw, setup);
  RecoveryKnobs& knobs = setup.recovery;
  setup.contenders.local = true;
  setup.contenders.retry_grows = false;
  setup.contenders.delay = Duration::zero();
  knobs.container = draw.world().chance(300);
  knobs.hosts = knobs.container ? 2 : 1;
  knobs.rebooted = draw.sometimes(100);
  setup.contenders.power_cut = draw.sometimes(500);
  knobs.unbound = draw.world().chance(300) ? 300 : 0;
  knobs.warden_stopped = draw.sometimes(500);
  setup.breakers = draw.one_of({0, 0, 2});
  draw_machines(draw, knobs);
  knobs.neighbour = !knobs.container && draw.world().chance(300);
  if (knobs.neighbour) with_a_neighbour(knobs);
  share.not_ours = draw.sometimes(200);
  knobs.frozen = draw.sometimes(500);
  knobs.emptied = draw.one_of<unsigned>({0, 0, 500});
}

void draw_recovery_share(Drawing& draw, Setup& setup) {
  ShareKnobs& share = setup.share;
  share.atomic_create = draw.half();
  share.eperm_for_exists = share.atomic_create && draw.half();
  draw_errors(draw, share);
  draw_people(draw, setup);
  RecoveryKnobs& knobs = setup.recovery;
  ContenderKnobs& who = setup.contenders;
  who.delay = 2 * share.v + share.b + share.w + std::chrono::nanoseconds{1};
  who.break_delay = who.delay;
  who.takeover_delay = std::max(who.delay, Duration{seconds{1}});
  knobs.hosts = draw.one_of({1, 2, 2, 3});
  if (knobs.hosts == 2) knobs.twin = draw.half();
  if (knobs.hosts == 2) knobs.container = !knobs.twin && draw.half();
  knobs.rebooted = draw.sometimes(100);
  knobs.suspended = draw.sometimes(300);
  knobs.unbound = draw.world().chance(200) ? 300 : 0;
  setup.breakers = draw.one_of({0, 0, 2});
  draw_machines(draw, knobs);
  knobs.server = knobs.hosts > 1 && !knobs.twin && !knobs.container && draw.half();
  share.in_use = draw.sometimes(200);
  share.not_ours = draw.sometimes(200);
  knobs.frozen = draw.sometimes(500);
}

// A claim that lands late is kept for late_hold, so that a winner whose record it has replaced has
// left, or noticed and stopped. A command that has lost its ufl notices nothing: a known gap.
void draw_late_noticed(Drawing& draw, Setup& setup) {
  draw_recovery_share(draw, setup);
  ShareKnobs& share = setup.share;
  share.atomic_create = share.eperm_for_exists = false;
  share.lands_after_error = 0;  // nobody can wait for what is told to have failed
  share.overdue = 100;
  share.longest_overdue = draw.half() ? Duration{seconds{10}} : draw.ticks(0, 200);
  RecoveryKnobs& knobs = setup.recovery;
  knobs.rebooted = knobs.suspended = 0;
  knobs.killed_command = 1000;
  knobs.bound = knobs.newer = 0;  // they look at nothing
  knobs.server = false;           // what lands late there was guarded
  knobs.kills = true;
  knobs.kill_after = std::min(knobs.kill_after, Duration{seconds{5}});
  knobs.longest_stop = std::min(knobs.longest_stop, Duration{seconds{5}});
  setup.contenders.longest_hold = draw.ticks(0, 10'000);
  setup.contenders.delay = delay_despite_stalls(share);
  setup.contenders.takeover_delay = std::max(setup.contenders.delay, Duration{seconds{1}});
  setup.breakers = 0;
  setup.promises.late_writes = true;
}

// Holders who are well, with leases that are accepted and no longer; on a local file system half of
// them are longer than any watch for a loss may be blind.
void draw_leases_kept(Drawing& draw, Setup& setup) {
  ShareKnobs& share = setup.share;
  ContenderKnobs& who = setup.contenders;
  RecoveryKnobs& knobs = setup.recovery;
  share.steady = true;
  share.atomic_create = true;
  share.two_steps = false;
  share.w = Duration::zero();
  share.stale = share.torn = 0;
  who.local = draw.half();
  if (who.local) share.v = Duration::zero();
  if (who.local) who.retry_grows = false;
  who.crash = 0;
  who.delay = who.local ? Duration::zero() : bound(share) + kJustMore;
  who.takeover_delay = std::max(who.delay, Duration{seconds{1}});
  knobs.hosts = who.local ? 1 : 2;
  knobs.leased = 1000;
  const Duration takes = 3 * share.b;  // a refresh, and from a look to a write
  knobs.kill_after = draw.one_of({Duration::zero(), kTick * 30, Duration{seconds{1}},  //
                                  Duration{seconds{5}}});
  knobs.lease = std::max(6 * share.v, Duration{seconds{2}});
  while (!lease_has_room(knobs.lease, knobs.kill_after, takes)) knobs.lease += kTick;
  if (draw.half()) knobs.lease += draw.ticks(0, 30);
  if (who.local && draw.half()) knobs.lease += seconds{60};
  // What is looked at between two refreshes, because the kernel told something, takes the time of
  // one that fails; on a local file system neither is long.
  if (who.local) {
    knobs.robbed = 500;
  } else {
    share.error = draw.sometimes(30);
  }
  who.longest_hold = 3 * knobs.lease;
  who.rounds = 2;
  setup.promises.leases_are_kept = true;
  // The look that is told, the second one, which may wait for a retry, and the end of the command.
  setup.promises.notices = kWatchAfter + seconds{2} + 10 * share.b + 10 * kTick + knobs.kill_after;
}

}  // namespace ufl::sim

// SPDX-License-Identifier: MIT
//
// Which history a seed is: its share, its contenders, and what is promised there. The families
// about recovery have a file of their own (recovery_setup.cpp).

#include <algorithm>

#include "protocol/late.hpp"
#include "protocol/lease.hpp"
#include "sim/drawing.hpp"
#include "sim/history.hpp"
#include "sim/recovery.hpp"

namespace ufl::sim {

namespace {

using std::chrono::seconds;

void draw_share(Drawing& draw, ShareKnobs& share) {
  share.v = draw.half() ? draw.ticks(1, 60) : draw.one_of({Duration::zero(), kTick * 40});
  share.b = draw.ticks(1, 60);
  share.w = draw.half() ? std::min(share.b, draw.ticks(1, 30)) : Duration::zero();
  share.two_steps = draw.half();
  share.held_back = draw.one_of<unsigned>({50, 300, 500, 800});
  share.old_view = draw.one_of<unsigned>({100, 500, 900});
  share.torn = draw.sometimes(200);
  share.stale = draw.sometimes(100);
}

void draw_contenders(Drawing& draw, ContenderKnobs& who) {
  who.retry = kTick * 8 * draw.one_of({1, 1, 2, 5});
  who.retry_grows = draw.half();
  who.longest_hold = draw.ticks(0, 200);
  who.longest_pause = draw.ticks(0, 100);
  who.impatient = draw.sometimes(200);
  who.cancelled = draw.sometimes(200);
  who.crash = draw.one_of<unsigned>({0, 0, 50});
  who.power_cut = draw.sometimes(500);
  who.reboot = 500;
}

// Late claims and looks that are taken again cost time, too: a generous bound. What never gets
// anywhere is found all the same.
Promises promises_of(const Setup& setup) {
  const ContenderKnobs& who = setup.contenders;
  const ShareKnobs& share = setup.share;
  Promises promises = setup.promises;
  // A lease may be too short for answers, or for looks that are taken again, which take their time:
  // that is said.
  const RecoveryKnobs& recovery = setup.recovery;
  const bool is_local = who.local || recovery.server;  // for some
  // A takeover that is answered so late that it may have replaced a winner is not taken back: also
  // that is said, when a signal ends it. From the asking for the second look to the answer to the
  // rename nothing has to go wrong for it: B to the look, B + W until what is written has landed,
  // B to the answer.
  const Duration look_to_answer = 3 * share.b + share.w;
  const bool looks_again = is_recovery(setup.family) &&
                           look_to_answer > max_look_age(is_local, share.atomic_create, who.delay);
  const bool lease_is_tight =
      recovery.leased + recovery.scripts > 0 && !setup.promises.leases_are_kept &&
      (recovery.lease < 3 * (2 * share.v + 3 * share.b + share.w) ||
       !lease_has_room(recovery.lease, recovery.kill_after, 3 * share.b + 2 * share.w));
  promises.all_is_well = !looks_again && !lease_is_tight && share.atomic_create &&
                         !share.eperm_for_exists &&
                         share.lost_reply + share.error + share.refused + share.full_disk +
                                 share.torn + share.stale + share.stale_lie + share.overdue +
                                 share.stall + share.flocked + share.hung + recovery.emptied ==
                             0;
  promises.all_may_create = share.lost_reply + share.error + share.refused + share.full_disk == 0;
  promises.in_flight = share.b + share.longest_overdue + share.create_takes + kTick;
  promises.progress = 50 * (who.delay + bound(share) + share.longest_stall + promises.in_flight +
                            who.longest_late_timer + seconds{3}) +
                      (setup.family == Family::late_noticed ? 60 : 10) * who.late_hold +
                      20 * setup.recovery.lease + 10 * setup.recovery.longest_stop +
                      5 * who.longest_hold;
  return promises;
}

void draw_breakers(Drawing& draw, Setup& setup) {
  setup.contenders.break_delay = setup.contenders.delay;
  setup.breakers = draw.one_of({0, 1, 2, 3});
  if (setup.breakers > 0) setup.contenders.crash = draw.one_of<unsigned>({50, 200});
}

void draw_theorem(Drawing& draw, Setup& setup, bool atomic) {
  setup.share.atomic_create = atomic;
  setup.share.eperm_for_exists = atomic && draw.half();
  draw_errors(draw, setup.share);
  setup.five_steps = static_cast<int>(draw.world().below(3));
  setup.contenders.delay = bound(setup.share) + kJustMore;
  setup.contenders.release_elsewhere = draw.sometimes(200);
  setup.contenders.late_timer = draw.sometimes(100);
  setup.contenders.longest_late_timer = seconds{5};
  draw_breakers(draw, setup);
  setup.share.in_use = draw.sometimes(200);
  setup.share.not_ours = draw.sometimes(200);
}

void draw_any_delay(Drawing& draw, Setup& setup) {
  setup.share.eperm_for_exists = draw.half();
  draw_errors(draw, setup.share);
  setup.share.overdue = draw.sometimes(200);
  setup.share.overdue_removals = true;
  setup.share.longest_overdue = seconds{10};
  setup.share.stall = draw.sometimes(200);
  setup.share.longest_stall = seconds{10};
  setup.contenders.late_timer = draw.sometimes(100);
  setup.contenders.longest_late_timer = seconds{10};
  setup.contenders.delay = draw.half() ? Duration::zero() : draw.ticks(0, 100);
  setup.share.in_use = draw.sometimes(200);
  setup.promises.claims_are_safe = true;
}

void draw_stalls(Drawing& draw, Setup& setup) {
  ShareKnobs& share = setup.share;
  share.atomic_create = false;
  if (draw.half()) {  // then it is ufl's own D/3 that bounds B
    share.b = draw.ticks(1, 5);
    share.w = std::min(share.w, share.b);
  }
  share.stall = draw.one_of<unsigned>({200, 200, 800});
  share.longest_stall = draw.half() ? Duration{seconds{10}} : draw.ticks(1, 60);
  setup.contenders.delay = delay_despite_stalls(share);
  setup.contenders.release_elsewhere = draw.sometimes(300);
  setup.contenders.late_timer = draw.sometimes(100);
  setup.contenders.longest_late_timer = seconds{10};
  draw_breakers(draw, setup);
}

void draw_late_claims(Drawing& draw, Setup& setup) {
  ShareKnobs& share = setup.share;
  draw_stalls(draw, setup);
  share.stall = 0;
  draw_errors(draw, share);
  share.lands_after_error = 0;  // nobody can wait for what is told to have failed
  setup.promises.late_writes = true;
  share.overdue = 200;
  share.longest_overdue = draw.half() ? seconds{10} : draw.ticks(0, 200);
  setup.contenders.late_hold =
      setup.contenders.longest_hold + setup.contenders.delay + seconds{5} + share.longest_overdue;
  setup.promises.settles = setup.contenders.late_hold;
}

void draw_slow_share(Drawing& draw, Setup& setup) {
  setup.contenders.delay = draw.ticks(0, 100);
  setup.contenders.crash = 0;
  setup.share.create_takes = setup.contenders.delay + draw.ticks(1, 100);
  setup.promises.claims_are_safe = true;
}

void draw_local(Drawing& draw, Setup& setup) {
  setup.share.v = setup.share.w = Duration::zero();
  setup.share.stale = 0;
  setup.share.torn = 0;
  setup.share.stall = draw.sometimes(200);
  setup.share.longest_stall = seconds{10};
  setup.contenders.local = true;
  setup.contenders.retry_grows = false;
  setup.contenders.delay = Duration::zero();
  setup.promises.claims_are_safe = true;
  setup.share.overdue = draw.sometimes(200);
  setup.share.overdue_removals = true;
  setup.share.longest_overdue = seconds{10};
  setup.share.flocked = draw.sometimes(100);
  setup.contenders.release_elsewhere = draw.sometimes(200);
  draw_breakers(draw, setup);
}

}  // namespace

void draw_errors(Drawing& draw, ShareKnobs& share) {
  if (draw.world().chance(300)) {  // all is well: then nobody may complain
    share.torn = share.stale = 0;
    return;
  }
  share.lost_reply = draw.sometimes(50);
  share.error = draw.sometimes(30);
  share.stale_lie = draw.sometimes(50);
  share.refused = draw.sometimes(30);
  share.full_disk = draw.sometimes(30);
  share.lands_after_error = share.atomic_create ? 0 : draw.sometimes(20);
}

Duration delay_despite_stalls(const ShareKnobs& share) {
  // What a look may be old by when something is written: the share's B, or what ufl allows itself.
  const auto look_to_write = [&](Duration delay) { return std::max(share.b, delay / 3 + share.w); };
  Duration delay = kTick;
  while (delay <= 2 * share.v + look_to_write(delay) + share.w) delay += kTick;
  return delay;
}

Duration bound(const ShareKnobs& share) { return 2 * share.v + share.b + share.w; }

Setup draw_setup(std::uint64_t seed, std::optional<Family> family) {
  Drawing draw{seed};
  Setup setup;
  setup.seed = seed;
  setup.family = family.value_or(kFamilies[seed % kFamilies.size()]);
  setup.ufl = static_cast<int>(2 + draw.world().below(3));
  draw_share(draw, setup.share);
  draw_contenders(draw, setup.contenders);
  switch (setup.family) {
    case Family::theorem:
    case Family::theorem_atomic:
      draw_theorem(draw, setup, setup.family == Family::theorem_atomic);
      break;
    case Family::any_delay:
      draw_any_delay(draw, setup);
      break;
    case Family::stalls:
      draw_stalls(draw, setup);
      break;
    case Family::late_claims:
      draw_late_claims(draw, setup);
      break;
    case Family::slow_share:
      draw_slow_share(draw, setup);
      break;
    case Family::local:
      draw_local(draw, setup);
      break;
    case Family::recovery_local:
      draw_recovery_local(draw, setup);
      break;
    case Family::recovery_share:
      draw_recovery_share(draw, setup);
      break;
    case Family::late_noticed:
      draw_late_noticed(draw, setup);
      break;
    case Family::leases_kept:
      draw_leases_kept(draw, setup);
      break;
  }
  settle(setup);
  return setup;
}

void settle(Setup& setup) {
  settle_recovery(setup);
  setup.promises = promises_of(setup);
}

}  // namespace ufl::sim

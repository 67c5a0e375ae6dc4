// SPDX-License-Identifier: MIT

#include "sim/monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/record.hpp"
#include "sim/identity.hpp"

namespace ufl::sim {

using Kind = Violation::Kind;

Monitor::Monitor(World& world, Share& share, Promises promises)
    : world_{world}, share_{share}, promises_{promises} {
  share_.on_change([this](int who, const Version& before, const Version& after) {
    changed(who, before, after);
  });
}

void Monitor::enters(int who, const std::string& token) {
  ++entries_;
  if (world_.tells()) world_.tell(who, "HOLDS THE LOCK with " + name_of(token));
  for (const Hold& other : holds_) {
    if (world_.now() <= other.frozen_until || other.robbed_until) continue;
    violate(Kind::two_holders, who, other.who,
            fmt::format("{} holds the lock since {}{}, and {} gets it, too", name_of(other.who),
                        text_of(other.since), other.dead ? " (and died)" : "", name_of(who)));
  }
  const Version& there = share_.current();
  if ((!there.exists || there.owner != who) && !promises_.late_writes) {
    violate(Kind::trespass, who, there.owner,
            fmt::format("{} gets the lock, but its record is not there", name_of(who)));
  }
  holds_.push_back({who, token, world_.now(), false});
  note_wanted();
}

void Monitor::leaves(int who) {
  const auto held = std::find_if(holds_.begin(), holds_.end(),
                                 [who](const Hold& hold) { return hold.who == who; });
  if (held == holds_.end()) return;
  world_.tell(who, "leaves");
  holds_.erase(held);
  note_wanted();
}

void Monitor::wants(int who, bool wanting) {
  wanting ? (void)wanting_.insert(who) : (void)wanting_.erase(who);
  note_wanted();
}

void Monitor::dies(int who) {
  world_.tell(who, "dies");
  dead_.emplace(who, world_.now());
  wanting_.erase(who);
  // Whoever died after a late write took its lock away leaves no lock.
  if (promises_.late_writes && share_.current().owner != who) leaves(who);
  for (Hold& hold : holds_) {
    if (hold.who == who) hold.dead = true;
  }
  note_wanted();
}

void Monitor::note_wanted() {
  if (!holds_.empty() || wanting_.empty()) {
    wanted_since_.reset();
  } else if (!wanted_since_) {
    wanted_since_ = world_.now();
  }
}

bool Monitor::is_orphan(const Version& version) const {
  if (!version.exists) return false;
  const auto died = dead_.find(version.owner);
  const bool is_dead = died != dead_.end() && world_.now() - died->second > promises_.in_flight;
  if (version.mixed || is_dead) return true;
  const std::string token = parse_record(version.content).token;
  return std::any_of(abandoned_.begin(), abandoned_.end(), [&](const auto& abandoned) {
    return abandoned.second == version.owner &&
           (abandoned.first == token || version.cut_from.starts_with(abandoned.first));
  });
}

void Monitor::abandons(int who, const std::string& token) {
  gives_up(who, token);
  // A break may be late, and say so, wherever a look takes longer than a third of its delay.
  if (!breakers_.contains(who)) fails(who);
}

void Monitor::gives_up(int who, const std::string& token) {
  if (!token.empty()) abandoned_.emplace(token, who);
  // Users are told of the path: that covers what a program has left of an earlier claim.
  const Version& there = share_.current();
  if (there.owner == who && !there.cut_from.empty()) {
    abandoned_.emplace(parse_record(there.cut_from).token, who);
  }
}

void Monitor::freezes(int who, Moment until) {
  for (Hold& hold : holds_) {
    if (hold.who == who) hold.frozen_until = std::max(hold.frozen_until, until);
  }
  world_.at(until + std::chrono::nanoseconds{1}, [this, who] {
    const auto awake = std::find_if(holds_.begin(), holds_.end(), [&](const Hold& hold) {
      return hold.who == who && world_.now() > hold.frozen_until;
    });
    if (awake == holds_.end()) return;
    for (const Hold& other : holds_) {
      if (other.who == who || world_.now() <= other.frozen_until) continue;
      violate(Kind::two_holders, who, other.who,
              fmt::format("{} wakes up and goes on beside {}, which holds the lock since {}",
                          name_of(who), name_of(other.who), text_of(other.since)));
    }
  });
}

void Monitor::loses_lease(int who) {
  if (!promises_.leases_are_kept) return;
  violate(Kind::not_kept, who, who,
          name_of(who) + " could not keep its lease, though nothing was slower than measured");
}

void Monitor::refuses() {
  if (wanted_since_) wanted_since_ = world_.now();
}

void Monitor::robs(int who) {
  const auto robbed = [this, who] {
    return std::find_if(holds_.begin(), holds_.end(),
                        [who](const Hold& hold) { return hold.who == who; });
  };
  const auto hold = robbed();
  if (hold == holds_.end() || !share_.current().exists || share_.current().owner != who) return;
  world_.tell(who, "its file is removed by hand");
  hold->robbed_until = world_.now() + promises_.notices;
  robbed_.insert(who);
  clearing_ = true;
  share_.remove(who);
  clearing_ = false;
  world_.at(*hold->robbed_until, [this, who, robbed] {
    if (robbed() == holds_.end()) return;
    violate(Kind::not_noticed, who, who, name_of(who) + " goes on, though its file is gone");
  });
}

void Monitor::fails(int who) {
  if (!promises_.all_is_well || robbed_.contains(who)) return;
  violate(Kind::false_alarm, who, who,
          name_of(who) + " says that it failed, and nothing went wrong");
}

void Monitor::is_forbidden(int who) {
  if (!promises_.all_may_create) return;
  violate(Kind::false_alarm, who, who, name_of(who) + " says that it may not create the lock file");
}

bool Monitor::needs_a_person(const Version& version) const {
  const Sighting::Kind kind = parse_record(version.content).kind;
  const bool is_told =
      kind == Sighting::Kind::record || (promises_.empty_recovers && kind == Sighting::Kind::empty);
  return !promises_.recovers || breakers_.contains(version.owner) || !is_told;
}

// Never beside somebody who holds the lock: an abandoned late claim may stand in its place.
bool Monitor::held_by_the_living() const {
  return std::any_of(holds_.begin(), holds_.end(), [](const Hold& hold) { return !hold.dead; });
}

std::optional<std::string> Monitor::orphan() const {
  const Version& there = share_.current();
  // A mixture begins with the token of somebody who lives.
  if (there.mixed || held_by_the_living() || !is_orphan(there)) return {};
  if (world_.now() - there.since < promises_.settles) return {};
  const Sighting seen = parse_record(there.content);
  return is_whole(seen) ? std::optional{seen.token} : std::nullopt;
}

void Monitor::forgets(int who) {
  violate(Kind::left_over, who, who,
          name_of(who) + " holds the lock, and does not see that its file was emptied");
}

void Monitor::litters(int who) {
  violate(Kind::left_over, who, who, name_of(who) + " leaves a temporary file behind");
}

// The person makes sure that nothing happens any more: a claim in whose place that stands may be
// about to be verified by an old view.
constexpr Duration kLooksOn = std::chrono::seconds{3};

void Monitor::clear_away() {
  // It keeps to the flock, too.
  if (held_by_the_living() || !is_orphan(share_.current()) || share_.locked()) return;
  if (!needs_a_person(share_.current())) return;
  if (world_.now() - share_.current().since < kLooksOn) return;
  leaves(share_.current().owner);
  clearing_ = true;
  world_.tell(share_.current().owner, "somebody clears away what it left");
  share_.remove(share_.current().owner);
  clearing_ = false;
  if (wanted_since_) wanted_since_ = world_.now();
}

void Monitor::changed(int who, const Version& before, const Version& after) {
  if (after.intruded) {
    violate(Kind::trespass, who, who,
            name_of(who) + " writes its record back into a file that somebody else has locked");
  }
  if (clearing_ || !before.exists || after.owner == before.owner) return;
  const auto hold = std::find_if(holds_.begin(), holds_.end(),
                                 [&](const Hold& h) { return h.who == before.owner; });
  const char* what = after.exists ? "replaces" : "removes";
  // Emptied by a program; and who has claimed with it takes another file instead, or has ended.
  const bool is_given_up = !before.cut_from.empty() && !share_.is_kept(before.inode);
  if (breakers_.contains(who) && is_orphan(before)) return leaves(before.owner);
  // Its host has lost its power, and nothing of it runs: the empty file that is left is anybody's.
  const bool is_rest_of_the_dead = hold != holds_.end() && hold->dead && before.content.empty();
  if (is_rest_of_the_dead && promises_.empty_recovers && after.exists) return leaves(before.owner);
  if (hold != holds_.end() && promises_.late_writes && after.exists) {
    if (hold->dead) holds_.erase(hold);  // nobody is left to be disturbed
  } else if (hold != holds_.end()) {
    if (world_.now() <= hold->frozen_until) return;
    violate(Kind::trespass, who, hold->who,
            fmt::format("{} {} the record of {}, which holds the lock since {}", name_of(who), what,
                        name_of(hold->who), text_of(hold->since)));
  } else if (promises_.claims_are_safe && who != before.owner && !dead_.contains(before.owner) &&
             !is_orphan(before) && !is_given_up) {
    violate(Kind::trespass, who, before.owner,
            fmt::format("{} {} the claim of {}", name_of(who), what, name_of(before.owner)));
  }
}

void Monitor::check_progress() {
  if (!wanted_since_ || world_.now() - *wanted_since_ <= promises_.progress) return;
  const Version& there = share_.current();
  if (is_orphan(there) && needs_a_person(there))
    return;  // told, or a known limit: it will be cleared away
  violate(Kind::no_progress, *wanting_.begin(), share_.current().owner,
          fmt::format("nobody holds the lock since {}, {} wants it, and nobody gets it",
                      text_of(*wanted_since_), name_of(*wanting_.begin())));
}

void Monitor::check_end(bool over) {
  if (!over) violate(Kind::no_progress, -1, -1, "the history does not come to an end");
  const Version& there = share_.current();
  if (!there.exists || is_orphan(there) || dead_.contains(there.owner)) return;
  violate(Kind::left_over, there.owner, there.owner,
          fmt::format("{} is left behind, nobody holds it, and nobody was told",
                      name_of(there.content)));
}

void Monitor::violate(Kind kind, int culprit, int victim, std::string text) {
  if (!violation_) violation_ = {kind, world_.now(), culprit, victim, std::move(text)};
}

}  // namespace ufl::sim

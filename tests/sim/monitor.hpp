// SPDX-License-Identifier: MIT
//
// Watches a history with the eyes of somebody who sees the server and every contender at once, and
// says which promise was broken first.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// A broken promise.
struct Violation {
  enum class Kind {
    two_holders,  ///< somebody enters while somebody else holds the lock
    trespass,     ///< a record was removed or replaced by somebody who may not
    left_over,    ///< a lock file stands that nobody holds, and nobody was told
    false_alarm,  ///< the user was told of a failure, and there was none
    no_progress,  ///< nobody holds the lock, somebody wants it, and nobody gets it
    not_kept,     ///< a lease was not kept, though nothing was slower than it was measured
    not_noticed,  ///< a holder whose file is gone has not stopped
  };
  Kind kind{};
  Moment at{};
  int culprit = -1;
  int victim = -1;
  std::string text;
};

/// What is promised in a history.
struct Promises {
  /// Nobody removes or replaces the record of anybody else, not even an unverified one: create is
  /// atomic and everybody uses it. Otherwise only the records of holders are safe.
  bool claims_are_safe = false;
  /// Records of holders may be replaced by writes that land late; never removed.
  bool late_writes = false;
  /// What a host has sent lands within this time, whatever became of the host.
  Duration in_flight{};
  /// For how long a record must have stood before somebody breaks it: it may have landed late, on
  /// the record of a holder.
  Duration settles{};
  /// Whoever is gone is taken over from: the whole record of nobody does not stand in the way.
  bool recovers = false;
  bool empty_recovers = false;  ///< and so is an empty file
  /// Nothing fails, and nobody is late: whoever says that something may be left behind is wrong.
  bool all_is_well = false;
  /// A user who is told of a lack of permission to create files is told wrong.
  bool all_may_create = false;
  /// The longest time for which nobody gets a lock that nobody holds.
  Duration progress{};
  /// A lease that ufl accepts is kept by who is well.
  bool leases_are_kept = false;
  /// The longest time for which a holder goes on whose file was taken away.
  Duration notices{};
};

/// The monitor of one history.
class Monitor {
 public:
  Monitor(World& world, Share& share, Promises promises);

  /// `who` believes to hold the lock, or does so no longer.
  void enters(int who, const std::string& token);
  void leaves(int who);
  /// `who` begins or ends trying to get the lock.
  void wants(int who, bool wanting);
  /// The host of `who` died. What it holds stays held until somebody clears it away.
  void dies(int who);
  /// The user was told that this record of `who` may be left behind.
  void abandons(int who, const std::string& token);
  /// The same, without a failure: its lease is over, or a share has failed.
  void gives_up(int who, const std::string& token);
  /// The host of `who`, which holds the lock with a lease, sleeps until then. Others may take the
  /// lock over meanwhile, if `who` has left when that moment is over.
  void freezes(int who, Moment until);
  /// The lease of `who` was not kept, though nothing kept it from that.
  void loses_lease(int who);
  /// A user was told that the share is too slow for the lease, which nobody could keep: that
  /// nobody has got the lock so far is no wonder.
  void refuses();
  /// Somebody removes the record of `who`, which may or may not hold the lock.
  void robs(int who);
  /// The user was told of a failure.
  void fails(int who);

  /// The user was told of a lack of permission to create the lock file.
  void is_forbidden(int who);

  /// A person who knows everything removes a record that nobody will ever remove.
  void clear_away();
  /// The token of the record that stands there, if its holder is gone for good and its lock may be
  /// broken: it is dead, or has said that it left the record behind.
  [[nodiscard]] std::optional<std::string> orphan() const;
  /// `who` breaks locks: it may take the place of what is an orphan.
  void breaks(int who) { breakers_.insert(who); }
  /// The file of `who`, which holds the lock and runs, was emptied or cut short long ago.
  void forgets(int who);
  /// `who` has left a temporary file behind, and nothing kept it from removing that.
  void litters(int who);

  /// Call after every event, and once at the end; `over`: every contender has come to its end.
  void check_progress();
  void check_end(bool over);

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  [[nodiscard]] int entries() const { return entries_; }

 private:
  struct Hold {
    int who = -1;
    std::string token;
    Moment since{};
    bool dead = false;
    Moment frozen_until{};
    std::optional<Moment> robbed_until{};  // it may not know before
  };

  void changed(int who, const Version& before, const Version& after);
  [[nodiscard]] bool is_orphan(const Version& version) const;
  /// Nobody will ever take its place, but for a person.
  [[nodiscard]] bool needs_a_person(const Version& version) const;
  [[nodiscard]] bool held_by_the_living() const;
  void violate(Violation::Kind kind, int culprit, int victim, std::string text);
  void note_wanted();

  World& world_;
  Share& share_;
  Promises promises_;
  std::vector<Hold> holds_;
  std::set<int> wanting_;
  std::set<int> breakers_;
  std::set<int> robbed_;
  std::map<int, Moment> dead_;
  std::map<std::string, int, std::less<>> abandoned_;  // token, and whose
  std::optional<Moment> wanted_since_;                 // nobody holds it, and somebody wants it
  bool clearing_ = false;
  int entries_ = 0;
  std::optional<Violation> violation_;
};

}  // namespace ufl::sim

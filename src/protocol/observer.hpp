// SPDX-License-Identifier: MIT
//
// Watches a lock that somebody else holds: for how long has nothing changed? Measured on the clock
// of this host alone, from the answer to the first look that showed it to the question of the last:
// no time in the file, and no time stamp of the file, is compared with anything.
//
// Two looks are enough, however far apart: a heartbeat only ever grows while its token stands.

#pragma once

#include <optional>
#include <string>

#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/observations.hpp"

namespace ufl {

/// An empty file on a local file system is left over after so long, and after ten delays.
inline constexpr Duration kEmptyStalenessLimit = std::chrono::seconds{10};

/// One observer of one lock.
class Observer {
 public:
  /// `empty_limit`: the staleness limit of an empty file; none: it is never abandoned.
  /// `memory`, which may be null: what earlier processes have seen of `key`. It is asked at the
  /// first look that says something: what was seen to change does not become old again, though a
  /// share may show it once more.
  Observer(std::optional<Duration> empty_limit, Observations* memory, std::string key);

  /// A look, begun at `asked` and answered at `answered`, showed this. What cannot be read says
  /// nothing; what is absent, torn, foreign or garbled begins anew, and so does an empty file that
  /// somebody keeps.
  void saw(const Sighting& seen, Mono asked, Mono answered);

  /// Has what was seen last stood unchanged for longer than its staleness limit?
  [[nodiscard]] bool is_abandoned() const { return is_abandoned_; }

  /// When a look first shows that, if nothing changes; none: never, as far as is known.
  [[nodiscard]] std::optional<Mono> abandoned_at() const;

  /// A contender uses the lock that sees its file system as a share: from now on an empty file may
  /// be that contender's, and is never abandoned.
  void keep_empty_files() { empty_limit_.reset(); }

  /// Begin anew at `now`: it is in use, although nothing changes.
  void restart(Mono now);

  /// Leave what was seen to the next process, or that nothing is left of what an earlier one saw.
  void keep();

  /// The other holder is gone, and the lock is ours: what is kept of it has served.
  void end();

  /// Was it asked what an earlier process has seen?
  [[nodiscard]] bool has_recalled() const { return has_recalled_; }

 private:
  void forget();
  void recall();
  [[nodiscard]] std::optional<Observation> observation_of(const Sighting& seen) const;

  std::optional<Duration> empty_limit_;
  Observations* memory_;
  std::string key_;
  std::optional<Observation> current_;
  std::optional<Mono> answered_;  // the last look that said something
  bool has_recalled_ = false;
  bool is_kept_ = false;  // as it is
  bool is_abandoned_ = false;
};

}  // namespace ufl

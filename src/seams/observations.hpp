// SPDX-License-Identifier: MIT
//
// Seam: what this host has seen of a lock, kept for the next process. Only a waiter that watches a
// lock for as long as its lease sees the lease run out. A job that cron starts once a minute with
// -n never waits for so long, but its runs together do.

#pragma once

#include <optional>
#include <string>

#include "seams/clock.hpp"

namespace ufl {

/// Something that stays as it is: a record that nobody refreshes, or a file without content.
struct Observation {
  std::string token;           ///< of the record; empty for a file of 0 bytes
  std::string heartbeat;       ///< the heartbeat: what would change if its holder lived
  Duration staleness_limit{};  ///< seen unchanged for longer, it is abandoned
  Mono since{};                ///< when it was first seen so

  /// Is `other` the same thing, seen at another time?
  [[nodiscard]] bool is_of(const Observation& other) const {
    return token == other.token && heartbeat == other.heartbeat;
  }
};

/// Where observations are kept: on this host, until it is started anew. Nothing here fails: an
/// observation that cannot be kept is forgotten, and a waiter waits for longer.
class Observations {
 public:
  Observations() = default;
  Observations(const Observations&) = delete;
  Observations& operator=(const Observations&) = delete;
  virtual ~Observations() = default;

  /// What is kept under `key`, if anything.
  [[nodiscard]] virtual std::optional<Observation> recall(const std::string& key) = 0;

  /// Keep `observation` under `key`, in place of what is there.
  virtual void keep(const std::string& key, const Observation& observation) = 0;

  /// Keep nothing under `key` any more.
  virtual void forget(const std::string& key) = 0;
};

}  // namespace ufl

// SPDX-License-Identifier: MIT

#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "protocol/record.hpp"
#include "seams/observations.hpp"

namespace ufl::test {

/// What earlier processes of this host have left.
class FakeObservations final : public Observations {
 public:
  [[nodiscard]] std::optional<Observation> recall(const std::string& key) override {
    const auto found = kept.find(key);
    return found == kept.end() ? std::nullopt : std::optional{found->second};
  }
  void keep(const std::string& key, const Observation& observation) override {
    kept[key] = observation;
    ++writes;
  }
  void forget(const std::string& key) override { kept.erase(key); }

  std::map<std::string, Observation> kept;
  int writes = 0;
};

/// The record of a holder that gives a lease, whole or in part.
inline Holder leased(std::optional<double> lease, std::optional<std::string> beat) {
  Holder holder;
  holder.host = "there";
  holder.mount = kLocalMount;
  holder.lease = lease;
  holder.heartbeat = std::move(beat);
  return holder;
}

}  // namespace ufl::test

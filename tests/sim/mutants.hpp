// SPDX-License-Identifier: MIT
//
// Teeth: what the simulator must find. A mutant is a parameter that breaks the rule, or a double
// that stands between the shipped machine and its driver and answers for the share or the clock.
// The shipped code knows nothing of them.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/step.hpp"
#include "sim/contender.hpp"
#include "sim/history.hpp"

namespace ufl::sim {

/// A way to break the protocol.
class Mutant {
 public:
  /// `budget`: it is found within so many seeds of `family`.
  Mutant(std::string_view name, Family family, std::uint64_t budget)
      : name_{name}, family_{family}, budget_{budget} {}
  Mutant(const Mutant&) = delete;
  Mutant& operator=(const Mutant&) = delete;
  virtual ~Mutant() = default;

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] std::uint64_t budget() const { return budget_; }

  /// The setup of `seed`, broken.
  [[nodiscard]] Setup setup(std::uint64_t seed) const;

  /// That setup with the shipped protocol, which must show nothing.
  [[nodiscard]] virtual Setup unbroken(std::uint64_t seed) const {
    return draw_setup(seed, family_);
  }

  /// What stands before the machine of a claim, or of a release; null: nothing.
  [[nodiscard]] virtual std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                                             const ContenderKnobs& knobs) const;
  [[nodiscard]] virtual std::unique_ptr<Double> before_release(Machine& release, SimClock& clock,
                                                               const std::string& token) const;
  /// What stands before the claim of one who breaks a lock; null: nothing.
  [[nodiscard]] virtual std::unique_ptr<Double> before_break(Machine& claim, SimClock& clock) const;

 protected:
  virtual void change(Setup& /*setup*/) const {}

 private:
  std::string_view name_;
  Family family_;
  std::uint64_t budget_;
};

/// Those that take locks over, or break them; all of them are in mutants().
void add_takeover_mutants(std::vector<std::unique_ptr<Mutant>>& all);

/// Those that judge who is gone, or keep a lease.
void add_recovery_mutants(std::vector<std::unique_ptr<Mutant>>& all);

/// All mutants.
[[nodiscard]] const std::vector<std::unique_ptr<Mutant>>& mutants();

/// The one of that name, or null.
[[nodiscard]] const Mutant* find_mutant(std::string_view name);

}  // namespace ufl::sim

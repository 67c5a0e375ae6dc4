// SPDX-License-Identifier: MIT
//
// Looking: one look at the lock file, or as many as it takes to say what it means for a contender:
// free, held, ours, or gone, so that it may be taken over.
//
// A glance is a look that only asks whether somebody holds the lock. Whose record is there is not
// understood, unless it is not ufl's: of a herd of waiters that a release wakes, all but one come
// too late. A holder that must be proven dead is judged by the looks in between.
//
// Verdicts: free, published (our own claim is there), held, held_as_before, look, timed_out,
// already_held, too_slow, failed.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/contest.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// Drive it as step.hpp says; start() begins a look afresh, any number of times.
class Looking final : public ClaimPart {
 public:
  explicit Looking(Contest& contest) : ClaimPart{contest} {}

  [[nodiscard]] Step start() override;
  /// Begin a glance.
  [[nodiscard]] Step glance();
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  /// Looks so far.
  [[nodiscard]] int count() const { return count_; }

 private:
  enum class State { look, probe_directory, pause };

  Step on_look(const FileReply& reply);
  Step on_content(const FileReply& reply);
  Step on_directory(const FileReply& reply);
  [[nodiscard]] bool may_take_over();
  [[nodiscard]] bool was_denied(const FileReply& reply) const;
  [[nodiscard]] bool may_have_a_command(const FileReply& reply);
  [[nodiscard]] Mono childless_until() const;
  Step take_over(const FileReply& reply);
  Step free();
  Step held_by_unknown(const FileReply& reply);

  State state_ = State::look;
  int count_ = 0;
  Duration fastest_ = Duration::max() / 8;
  int slow_looks_ = 0;  // with a lease: that said "free", with none before that was fast enough
  FileReply refused_;   // what the share said before it was asked for the directory
  Judged childless_;    // a record with a lifeline and no command, first judged then
};

}  // namespace ufl

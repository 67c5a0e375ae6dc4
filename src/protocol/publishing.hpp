// SPDX-License-Identifier: MIT
//
// Publishing: a contender creates the lock file exclusively, with a new token in it.
//
//     create   done: published.
//     look     refused: whose record is there? Perhaps ours, and the first reply was lost on its
//              way (EEXIST on a create that was sent again): the token tells.
//     scratch  refused with EPERM or EACCES, and no file is seen: a file of another name tells
//              whether this user may create any there.
//
// Verdicts: published, held, held_as_before, look, failed.

#pragma once

#include <optional>
#include <string>

#include "protocol/contest.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// Drive it as step.hpp says; start() publishes once, any number of times.
class Publishing final : public ClaimPart {
 public:
  explicit Publishing(Contest& contest) : ClaimPart{contest} {}

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  /// It never waits.
  [[nodiscard]] Step resume() override;

  /// Has the creation been denied for kLongDenial, although no file is seen, and files can be made
  /// beside it?
  [[nodiscard]] bool is_denied_for_long() const;
  /// Is it denied, nobody was ever seen there, and nothing shows that files can be made there?
  [[nodiscard]] bool is_denied_without_reason() const;
  /// What the share said to the last creation that it refused.
  [[nodiscard]] const FileReply& refused() const { return refused_; }

 private:
  enum class State { create, look, write_scratch, drop_scratch };

  Step on_created(const FileReply& reply);
  Step on_look(const FileReply& reply);
  Step on_scratch(const FileReply& reply);
  Step denied();
  Step may_not_create();
  Step published();
  [[nodiscard]] bool is_surely_another(const FileReply& reply) const;
  [[nodiscard]] bool is_denied() const;
  Step request(State state, FileOperation operation);

  State state_ = State::create;
  bool may_have_stood_ = false;       // a claim of ours, before this creation
  FileReply refused_;                 // to the last creation
  std::optional<Mono> denied_since_;  // first of the denied creations in a row, no file there
  int sightings_then_ = 0;            // somebody seen since then ends the row
  bool may_create_ = false;           // files can be made beside the lock: it is the name, then
};

}  // namespace ufl

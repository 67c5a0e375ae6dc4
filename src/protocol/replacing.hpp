// SPDX-License-Identifier: MIT
//
// Replacing: a taker puts its record in the place of one whose holder is gone (looking.hpp,
// TakeoverOptions::may_take_over); or of a file of 0 bytes that was left over on a local file
// system: one that nobody keeps, for a program may have emptied that of a holder (`: > LOCKFILE`),
// which writes its record back (keep.hpp) as soon as it runs.
//
//     temporary    the taker writes its claim to a file beside the lock.
//     second look  it must show exactly the record that was judged.
//     rename       the temporary file gets the name of the lock: published.
//     drop         in every other case the taker removes the temporary file.
//     pause        and the next look tells what has come of the lock.
//
// Never removed and then created:
//   1 A, B look: X, gone.  2 A removes X, creates, waits, runs.  3 B removes A's file, creates.
// A rename overwrites on every share, so all of "late claims" (own_claim.hpp) holds for it, and its
// delay is at least TakeoverOptions::delay. On a local file system nobody else can remove or
// replace the record meanwhile (seams/file_system.hpp, OnlyIf), unless the file system is a share
// for the holder (both_local.hpp): then what is said of shares goes for the takeover, too.
//
// Verdicts: published, held, look, timed_out, failed.

#pragma once

#include <optional>

#include "protocol/contest.hpp"
#include "protocol/failure.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// Drive it as step.hpp says; start() replaces Contest::takeover once, any number of times.
class Replacing final : public ClaimPart {
 public:
  explicit Replacing(Contest& contest) : ClaimPart{contest} {}

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

 private:
  enum class State { write_temporary, second_look, rename, drop_temporary, pause };
  /// Why the temporary file is dropped.
  enum class Ending {
    lost_race,  // somebody else removes, replaces or holds the record
    denied,     // this user may not replace it
    failed,     // see `failure_`
  };

  Step on_temporary(const FileReply& reply);
  Step second_look();
  Step on_second_look(const FileReply& reply);
  Step on_renamed(const FileReply& reply);
  Step published();
  Step look_again();
  void note_lateness();
  Step drop_temporary(Ending ending);
  Step on_dropped();
  Step fail_after_drop(Failure failure);
  [[nodiscard]] FileOperation creation() const;
  [[nodiscard]] FileOperation renaming() const;
  Step request(State state, FileOperation operation);

  State state_ = State::write_temporary;
  Ending ending_ = Ending::lost_race;
  Failure failure_;
  int lost_races_ = 0;
  Mono wait_until_{};
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// What a contender knows of its own claim: whether it may stand on the share, whether it may have
// overwritten a winner, and for how long it has to wait before it verifies.
//
// Late claims: what was decided on an old look must not land on somebody's lock.
//   (a) Where create may overwrite (ClaimOptions::atomic_create is false): a look older than D/3 is
//       taken again before the write.
//   (b) Where create is atomic, a late create is harmless: the delay runs in full after it.
//   (c) Where it is not, and by a rename on every share (replacing.cpp), a publish that took longer
//       than D/3 may have replaced a winner (D alone would not do: the theorem needs D > 2V + B +
//       W, and what is not called late counts for B):
//         1 A, B look: absent.  2 A writes, waits D, verifies, runs.  3 B's write lands on A's.
//         4 B removes what it wrote.  5 C looks: absent, writes, verifies, runs beside A.
//       so B neither removes its claim nor enters on it until A has had time to leave, or to notice
//       and stop (ClaimOptions::late_hold), and only then counts its delay. A taker that takes over
//       from B meanwhile waits as long, unless create is atomic. Known gap: a holder that neither
//       leaves nor looks for longer than that has B beside it.

#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "seams/clock.hpp"

namespace ufl {

/// The verification delay of a claim: what its user gave or the mount asks for, and more for a
/// takeover.
class ClaimDelay {
 public:
  explicit ClaimDelay(Duration delay) : ordinary_{delay}, raised_{delay} {}

  /// The delay that the claim waits before it verifies.
  [[nodiscard]] Duration in_force() const { return raised_; }

  /// The delay of a contender that takes nothing over. Lateness is judged by it: a longer delay,
  /// for a takeover, is ours alone.
  [[nodiscard]] Duration of_others() const { return ordinary_; }

  /// A takeover waits for `least`, if that is longer.
  void raise_for_takeover(Duration least) { raised_ = std::max(raised_, least); }

  /// The takeover has come to nothing: a claim like all others.
  void end_takeover() { raised_ = ordinary_; }

  /// No contender waits for less than `least` from now on.
  void raise_for_all(Duration least) {
    ordinary_ = std::max(ordinary_, least);
    raised_ = std::max(raised_, least);
  }

 private:
  Duration ordinary_;
  Duration raised_;
};

/// One contender's claims, the current one and those that it has given up.
class OwnClaim {
 public:
  explicit OwnClaim(Duration ordinary_delay) : delay{ordinary_delay} {}

  /// A new claim, of this token, whose record is `content`; nothing of it was written yet.
  void begin(std::string token, std::string content);

  /// A write of the record is about to be asked for; `by_rename`: in a takeover.
  void write_begins(bool by_rename);
  /// The share says that the write was not done, and can be believed.
  void was_not_written() { standing_ = stood_before_; }
  /// The write was done by creating the file, so not by an earlier rename.
  void was_created() { by_rename_ = false; }
  /// It may have overwritten a winner (late claims, c).
  void may_have_overwritten() { standing_ = Standing::late; }
  /// The late hold is over: what could be done for a holder that was overwritten has been done.
  void late_hold_is_over();
  /// Nothing of it stands there.
  void is_gone() {
    standing_ = Standing::nowhere;
    rest_stands_ = false;
  }
  /// Somebody else's record stands in its place. It may show up all the same, by a heartbeat of
  /// ours that lands late in the same file; nobody holds it then. `local`: it cannot.
  void disown(bool local);

  /// A look has shown what a program has left of a file that we made and keep; or has not.
  void rest_stands(bool stands) { rest_stands_ = stands; }

  /// What was written may stand there still, or a rest of it.
  [[nodiscard]] bool may_stand() const { return standing_ != Standing::nowhere || rest_stands_; }
  /// And may have overwritten a winner.
  [[nodiscard]] bool is_late() const { return standing_ == Standing::late; }
  /// And it was written by a takeover.
  [[nodiscard]] bool is_by_rename() const { return by_rename_; }
  /// Is that the token of a claim that was disowned?
  [[nodiscard]] bool was_disowned(std::string_view token) const;
  /// Some claim was disowned; one of them was late.
  [[nodiscard]] bool has_disowned() const { return !disowned_.empty(); }
  [[nodiscard]] bool has_disowned_late() const { return disowned_late_; }

  [[nodiscard]] const std::string& token() const { return token_; }

  std::string record;   ///< as it was written last
  ClaimDelay delay;     ///< before it is verified
  Mono published_at{};  ///< when the last write was answered
  Mono not_before{};    ///< it is not verified earlier: a heartbeat may have come too late

 private:
  enum class Standing {
    nowhere,  // nothing of it is on the share
    perhaps,  // it may be
    late,     // it may be, and may have overwritten a winner
  };

  std::string token_;
  Standing standing_ = Standing::nowhere;
  Standing stood_before_ = Standing::nowhere;  // before the write that is under way
  bool by_rename_ = false;
  bool rest_stands_ = false;
  std::vector<std::string> disowned_;
  bool disowned_late_ = false;
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// Claim: from "I want the lock" to "I hold it". Six parts:
//
//     looking      read the lock file: free, held, or its holder is gone.
//     waiting      held: until it is time to look again.
//     publishing   free: create the file exclusively, with a new token in it.
//     replacing    the holder is gone: put a record in the place of the one that was judged.
//     verifying    wait the delay D, read it afresh. Our token -> we hold the lock.
//     withdrawing  every other end: take back what may stand on the share.
//
// claim.cpp has the table of what follows what.
//
// Guarantee (Fischer's timed mutual exclusion; Abadi & Lamport, "An Old-Fashioned Recipe for Real
// Time", 3.4): with V the longest time for which a client may see an old state of the share, B the
// longest time from a contender's look to the landing of what it decided on, and W the part of B
// after close returned, two claims never both end in `acquired` iff D > 2V + B + W. Where exclusive
// create is atomic at the server and everybody creates exclusively, they never do for any D.
//
// Not guaranteed: order among waiters; anything at all when a single system call lands later than B
// (a hung share), except what "late claims" (own_claim.hpp) saves.
//
// After `acquired` the file is the caller's to release (protocol/release.hpp). After every other
// outcome nothing of this claim is left on the share, unless result().left_behind says so.

#pragma once

#include <optional>

#include "protocol/claim_options.hpp"
#include "protocol/claim_result.hpp"
#include "protocol/contest.hpp"
#include "protocol/looking.hpp"
#include "protocol/publishing.hpp"
#include "protocol/replacing.hpp"
#include "protocol/step.hpp"
#include "protocol/verifying.hpp"
#include "protocol/waiting.hpp"
#include "protocol/withdrawing.hpp"
#include "seams/clock.hpp"
#include "seams/identity.hpp"
#include "seams/notifier.hpp"

namespace ufl {

/// One claim on one lock. Drive it as step.hpp says.
class Claim final : public Machine {
 public:
  /// `notifier`: what the kernel tells of a lock that is waited for; null: nothing.
  Claim(ClaimOptions options, const Clock& clock, Identity& identity, Notifier* notifier = nullptr);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;
  [[nodiscard]] bool on_wait() override { return waiting_for_other() && waiting_.on_wait(); }
  [[nodiscard]] Step cancel() override;

  /// Valid after Finished.
  [[nodiscard]] const ClaimResult& result() const { return contest_.result; }

  /// What the last look saw of the other holder.
  [[nodiscard]] const Sighting& seen() const { return contest_.rival.seen; }

  /// Is somebody else's lock being waited for, rather than our own delay?
  [[nodiscard]] bool waiting_for_other() const { return part_ == &waiting_; }

  /// Is the claim kept for longer because it may have overwritten a winner (late claims, c)?
  [[nodiscard]] bool late() const { return part_ == &verifying_ && verifying_.is_late(); }

  /// What the claim is to do.
  [[nodiscard]] const ClaimOptions& options() const { return contest_.options; }

  /// How it goes with the creation of the file.
  [[nodiscard]] const Publishing& publishing() const { return publishing_; }

  /// LooksFree was asked for, or the lock acquired, by taking it over from takeover().from.
  [[nodiscard]] bool takes_over() const;
  [[nodiscard]] const Takeover& takeover() const { return contest_.takeover; }

  /// The lease that its record gives, as it has been kept until the lock was acquired.
  [[nodiscard]] std::optional<KeptLease> kept_lease() const { return contest_.lease(); }

  /// The verification delay in force: `auto` grows when a foreign record was seen, and every delay
  /// grows for a takeover, until that is lost.
  [[nodiscard]] Duration delay() const { return contest_.own.delay.in_force(); }

 private:
  using Outcome = ClaimResult::Outcome;

  Step go_on(const Step& step);
  Step next(Verdict verdict);
  Step enter(ClaimPart& part) { return enter(part, part.start()); }
  Step enter(ClaimPart& part, const Step& first);
  Step offer();
  Step held(bool as_before);
  Step end(Outcome outcome);
  Step finish();

  Contest contest_;
  Looking looking_{contest_};
  Waiting waiting_;
  Publishing publishing_{contest_};
  Replacing replacing_{contest_};
  Verifying verifying_{contest_};
  Withdrawing withdrawing_{contest_};
  /// The part that is at work; none: the lock is offered (LooksFree), or the claim has ended.
  ClaimPart* part_ = nullptr;
  bool is_offered_ = false;
};

}  // namespace ufl

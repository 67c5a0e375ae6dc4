// SPDX-License-Identifier: MIT
//
// What one contender knows of the contest for a lock, from its start to its end: the parts of a
// claim (claim.hpp) work on it one after the other.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "protocol/assert.hpp"
#include "protocol/claim_options.hpp"
#include "protocol/claim_result.hpp"
#include "protocol/failure.hpp"
#include "protocol/lease.hpp"
#include "protocol/observer.hpp"
#include "protocol/own_claim.hpp"
#include "protocol/record.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// What a part of a claim has come to, and so what the claim does next (claim.cpp).
enum class Verdict {
  free,            ///< the lock looks free, or may be taken over
  published,       ///< our record may stand there: it is to be verified
  held,            ///< somebody holds the lock, or may
  held_as_before,  ///< a glance has shown that somebody does
  look,            ///< it is time for a look
  glance,          ///< it is time for a glance
  acquired,        ///< our record stands there after the delay
  timed_out,       ///< the timeout has passed
  already_held,    ///< by the ufl that this process runs under
  too_slow,        ///< the share is, for the lease
  failed,          ///< see ClaimResult::failure
  withdrawn,       ///< our claim is taken back, or told to be left behind
};

/// The other holder, as the looks so far have shown it.
struct Rival {
  Sighting seen;
  /// The last look was a glance, and showed nothing but that somebody holds the lock.
  bool is_glimpsed = false;
  int sightings = 0;      ///< so often a look showed somebody
  int new_holders = 0;    ///< and another token than the one before
  int new_processes = 0;  ///< or another process
};

/// A lock file as it was judged.
struct Judged {
  std::string content;
  std::uint64_t identity = 0;  ///< of the file (FileReply)
  Mono at{};
};

/// A lock that is taken over, or is to be.
struct Takeover {
  bool is_on = false;            ///< the claim under way takes it over
  Sighting from;                 ///< the holder that is gone
  bool was_abandoned = false;    ///< its lease has run out, rather than that it is proven dead
  Judged judged;                 ///< what is to be replaced
  std::optional<Judged> denied;  ///< the last one that this user was not allowed to replace
};

/// The state that the parts of one claim share.
class Contest {
 public:
  Contest(ClaimOptions wanted, const Clock& its_clock, Identity& its_identity);

  /// A look begins: what follows from it is as old as this moment.
  [[nodiscard]] FileOperation look();
  /// The operation of a look.
  [[nodiscard]] ReadFile read_lock() const;
  /// Name of a temporary file beside the lock, of the current claim alone.
  [[nodiscard]] std::string temporary() const;

  /// A look has shown somebody else's record, or something that is no record.
  void saw(Sighting sighting, const FileReply& reply = {});
  /// A look has shown that something is there which cannot be read.
  void saw_unreadable(const FileReply& reply);

  /// No contender that sees a share here can meddle: flock(2) keeps out those that take it.
  [[nodiscard]] bool is_alone() const;
  /// The last look is too old to write or remove anything on (late.hpp).
  [[nodiscard]] bool look_is_old() const;
  /// The last look surely shows a later state of the share than our last write left.
  [[nodiscard]] bool look_is_newer_than_own() const;
  /// A look that comes so much later than another one shows what the other may have missed.
  [[nodiscard]] Duration second_opinion() const;
  /// The timeout has passed.
  [[nodiscard]] bool is_past_deadline() const { return deadline && clock.now() >= *deadline; }
  /// The timeout of a claim that may make more than one attempt has passed.
  [[nodiscard]] bool is_over() const;

  /// An answer has come to a write: note how long it took since the look that it rests on.
  void wrote();
  /// The lease of the claim under way, if it gives one; as of a holder: that of an acquired lock
  /// must last until the holder's first refresh.
  [[nodiscard]] std::optional<KeptLease> lease() const;
  [[nodiscard]] bool heartbeat_is_due() const;
  /// With a lease: the last heartbeat is so old that others may have seen the lease run out.
  [[nodiscard]] bool has_outlived_its_lease() const;
  /// The lease cannot be kept on a share whose operations take so long.
  [[nodiscard]] bool is_too_slow(Duration takes) const;

  const ClaimOptions options;
  const Clock& clock;
  Identity& identity;
  std::optional<Mono> deadline;  ///< none: never
  OwnClaim own;
  Rival rival;
  Observer observer;
  Takeover takeover;
  Mono looked_at{};          ///< start of the last look, or of a heartbeat that looked as well
  bool look_wanted = false;  ///< since then somebody has told that another look may show more
  int late_looks = 0;        ///< looks in a row that were too old to write on
  ClaimResult result;
};

/// A part of a claim: a machine that ends in a verdict.
class ClaimPart : public Machine {
 public:
  /// Valid once, after Finished.
  [[nodiscard]] Verdict take_verdict() {
    UFL_ASSERT(verdict_.has_value());
    return std::exchange(verdict_, std::nullopt).value_or(Verdict::failed);
  }

 protected:
  explicit ClaimPart(Contest& contest) : contest_{contest} {}

  Step end(Verdict verdict) {
    verdict_ = verdict;
    return Finished{};
  }
  /// The claim fails, as `operation` was answered with `reply`.
  Step fail(const FileReply& reply, FileOperation operation) {
    return fail({FailureReason::answer, std::move(operation), reply});
  }
  /// The claim fails.
  Step fail(Failure failure) {
    contest_.result.failure = std::move(failure);
    return end(Verdict::failed);
  }

  Contest& contest_;

 private:
  std::optional<Verdict> verdict_;
};

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// Verifying: a contender whose record may stand there waits for its delay, counted from the answer
// to its last write, and reads the file afresh. Its own token: it holds the lock.
//
// With a lease it writes heartbeats while it waits, as a holder does (kept_record.hpp), and
// acquires only with one that is fresh. A share that is seen to be too slow for the lease is not
// written to. Without heartbeats:
//   1 B's late write lands on A's record; B keeps it (own_claim.hpp, c).  2 C has seen it for the
//   length of its lease, takes it over, runs beside A.
// A heartbeat that may have come too late counts as a new claim on what stood there: the delay of a
// takeover runs in full after it (refresh.hpp).
//
// Verdicts: acquired, held, too_slow, failed.

#pragma once

#include <optional>
#include <string>

#include "protocol/contest.hpp"
#include "protocol/heartbeat.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// Drive it as step.hpp says; start() verifies once, any number of times.
class Verifying final : public ClaimPart {
 public:
  explicit Verifying(Contest& contest) : ClaimPart{contest} {}

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  /// Is the claim kept for longer because it may have overwritten a winner?
  [[nodiscard]] bool is_late() const { return state_ == State::delay && contest_.own.is_late(); }

 private:
  enum class State { delay, heartbeat, read, pause };

  Step go_on();
  Step read();
  Step on_read(const FileReply& reply);
  Step acquired(const FileReply& reply);
  Step heartbeat();
  Step heartbeat_again();
  Step on_heartbeat(const FileReply& reply);
  Step on_heartbeat_written();
  Step lost();
  Step try_again(State state, const FileReply& reply);
  Step wait(State state, Mono until);

  State state_ = State::delay;
  Mono verify_at_{};
  Mono wait_until_{};
  std::optional<Mono> try_until_;  // what cannot be read or written is tried again until then
  FileOperation operation_;        // the last one
  std::optional<Heartbeat> heartbeat_;
  int stale_replies_ = 0;       // that came when the last heartbeat had become too old
  int outlived_claims_ = 0;     // that others took over, as an answer had taken too long
  bool measures_anew_ = false;  // how long a heartbeat takes
  bool measured_anew_ = false;
};

}  // namespace ufl

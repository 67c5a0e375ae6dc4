// SPDX-License-Identifier: MIT
//
// What --report writes (ufl(1), REPORT FILE): what became of one ufl, for programs, so that nobody
// has to guess from an exit status.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/record.hpp"
#include "seams/clock.hpp"

namespace ufl {

/// What became of one ufl. What is not known, or did not happen, is empty.
struct RunReport {
  enum class Kind {
    failed,        ///< ufl, or the start of the command, failed
    not_acquired,  ///< somebody else held the lock
    interrupted,   ///< a signal ended the wait for the lock
    acquired,      ///< the lock was held to the end, or is held still (--acquire)
    lost,          ///< it was acquired, and was not ours any more at the release
  };
  Kind kind = Kind::failed;
  std::string lock;                ///< LOCKFILE as typed
  std::string token;               ///< of the lock that was acquired
  std::optional<Duration> waited;  ///< from the start until it was acquired, or given up
  std::optional<Duration> held;    ///< from then to the release
  std::optional<bool> released;    ///< was it released in the end? Empty: not acquired, or kept
  std::optional<int> exit;         ///< exit status of the command
  int signal = 0;                  ///< that killed the command, or ended the wait
  int status = 0;                  ///< of ufl; 128 + n if it dies of signal n
  Sighting holder;                 ///< the last other one that was met; lost: who holds it now
};

/// `report` as one JSON object and a newline.
[[nodiscard]] std::string run_report_json(const RunReport& report);

}  // namespace ufl

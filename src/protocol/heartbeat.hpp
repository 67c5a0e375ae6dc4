// SPDX-License-Identifier: MIT
//
// Heartbeat: writes over our record in the lock file, in place: the next number that shows that its
// holder lives, or the command's process. It is written only over exactly the bytes that were last
// known to stand there, into the file that is opened: whatever takes the name meanwhile is not
// touched.
//
// Never write a heartbeat twice: observers time the lease from its first sighting.

#pragma once

#include <optional>
#include <string>
#include <utility>

#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// One record, and the writes over it.
class Heartbeat {
 public:
  /// What the answer to a write means.
  enum class Answer {
    written,  ///< record() is what was written
    ours,     ///< other bytes of ours stand there, by a write whose reply was lost, or an old
              ///< state of the share: record() is that now
    another,  ///< somebody else's record stands there: seen()
    unclear,  ///< something else does: somebody is writing, or it is damaged
    absent,   ///< nothing does
    busy,     ///< somebody else holds flock(2) on the file
    failed,   ///< cannot tell
  };

  /// `record`: as it was last seen, or written. `locked`: write under flock(2), so that no taker
  /// that holds the file since its last look is written over.
  Heartbeat(std::string path, std::string record, bool local, bool locked)
      : path_{std::move(path)}, record_{std::move(record)}, local_{local}, locked_{locked} {}

  /// Write `next`, which is as long as record(); `now`: when that is asked for.
  [[nodiscard]] FileOperation write(std::string next, Mono now);

  [[nodiscard]] Answer on_reply(const FileReply& reply, Mono now);

  [[nodiscard]] const std::string& record() const { return record_; }
  /// What the last write was to make of it.
  [[nodiscard]] const std::string& written() const { return next_; }
  /// After Answer::another and Answer::unclear.
  [[nodiscard]] const Sighting& seen() const { return seen_; }
  /// The start of the last write, and how long it took.
  [[nodiscard]] Mono asked() const { return asked_; }
  [[nodiscard]] Duration took() const { return took_; }

 private:
  std::string path_;
  std::string record_;
  bool local_;
  bool locked_;
  std::string next_;
  Sighting seen_;
  Mono asked_{};
  Duration took_{};
};

}  // namespace ufl

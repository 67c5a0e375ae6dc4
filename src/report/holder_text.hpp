// SPDX-License-Identifier: MIT
//
// Parts of sentences about the holder of a lock. Everything is safe to print, whatever the lock
// file holds.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "protocol/life.hpp"
#include "protocol/record.hpp"
#include "seams/clock.hpp"
#include "seams/hindrance.hpp"

namespace ufl {

/// How long somebody has held the lock, by the holder's wall clock and ours; none: there is no
/// time, or it is in our future.
[[nodiscard]] std::optional<std::chrono::seconds> held_for(const Holder& holder, Wall now);

/// A holder in parts; what is not known is empty.
struct HolderParts {
  std::string who;      ///< alice@build-3
  std::string pid;      ///< pid 4242
  std::string command;  ///< cut to a reasonable length
  std::string age;      ///< 2m43s, by the holder's wall clock and ours
};
[[nodiscard]] HolderParts holder_parts(const Sighting& seen, Wall now);

/// Who holds a lock: "held by alice@build-3 (pid 4242, rsync -a ...) since 2m43s". Ages come from
/// the holder's wall clock and `now`, for display only.
[[nodiscard]] std::string holder_text(const Sighting& seen, Wall now);

/// Why nothing is known of the holder: "token x" of another program; empty for a record.
[[nodiscard]] std::string why_unknown_text(const Sighting& seen);

/// What this host can say of the holder: "its process runs on this host".
[[nodiscard]] std::string life_text(const Sighting& seen, Life life);

/// What a person can do about a lock whose holder `life` tells of: words, a colon and a
/// command for a shell. `path` as typed; `local`: this kernel alone sees its file.
[[nodiscard]] std::string next_step_text(const std::string& path, const Sighting& seen, Life life,
                                         bool local);

/// What keeps a lock whose holder is gone from being taken over: "process 42 (cat) holds flock(2)
/// on it, ..."; empty: nothing.
[[nodiscard]] std::string hindrance_text(const Hindrance& hindrance);

/// What the holder could have done so that nobody has to break its lock, to follow life_text():
/// " (start it with --lease 60 next time)"; nothing, if that would not help.
[[nodiscard]] std::string next_time_text(const Sighting& seen, Life life);

/// How to see whose file it is, and who may read it.
[[nodiscard]] std::string whose_text(const std::string& path);

/// `path` as a word of a shell command, never taken for an option; "LOCKFILE" where a shell would
/// read another name.
[[nodiscard]] std::string shell_word(const std::string& path);

/// How to remove `path`: a command for a shell, or words where a shell would read another name.
[[nodiscard]] std::string removal_text(const std::string& path);

}  // namespace ufl

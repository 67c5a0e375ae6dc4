// SPDX-License-Identifier: MIT
//
// The lock file's text (ufl(1), FILES).
//
//     line 1   the token
//     line 2   one JSON object about the holder
//
// Line 1 alone is what the UUID lock protocol asks for and all that a foreign implementation may
// write. At most 4 KiB, newline-terminated. Everything read back is untrusted: whatever does not
// parse means "held, holder unknown", never "free" and never an error.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "seams/file_system.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// Every lock file is shorter, and no more of one is ever read.
inline constexpr std::size_t kRecordLimit = kMostCompared;

/// The holder's command in a record is cut to this many bytes.
inline constexpr std::size_t kCommandLimit = 500;

/// What a look at the lock file found there.
struct Sighting {
  enum class Kind {
    none,             ///< nothing was seen yet
    unreadable,       ///< there, but it could not be read: held
    empty,            ///< 0 bytes: being written, or left over by flock(1) or a power cut
    foreign,          ///< a token without a holder line: another implementation's lock
    garbled,          ///< neither a token nor a record: held all the same
    unknown_version,  ///< a token, and a record in a version of the format that is not known here
    record,           ///< written by ufl
  };
  Kind kind = Kind::none;
  std::string token;                ///< line 1, stripped
  Holder holder;                    ///< Kind::record: who holds it
  int error = 0;                    ///< Kind::unreadable: the errno value
  std::uint64_t identity = 0;       ///< of the file (FileReply)
  Keeper keeper = Keeper::unknown;  ///< of one that may have been emptied or cut short
};

/// Is there a whole token, ufl's or another implementation's, rather than a file that is empty, cut
/// short, garbled or unreadable?
[[nodiscard]] inline bool is_whole(const Sighting& seen) {
  return seen.kind == Sighting::Kind::record || seen.kind == Sighting::Kind::foreign ||
         seen.kind == Sighting::Kind::unknown_version;
}

/// The version of the format that is written here, and the only one that is understood: key "v".
/// What a key means in another one nobody knows, so nothing of such a record is believed but its
/// token: its holder is never judged, and no lease of it runs out.
inline constexpr std::int64_t kRecordVersion = 1;

/// Is this what is left of the lock of a holder that is seen alive, after somebody else has emptied
/// its file or cut it short?
[[nodiscard]] inline bool is_emptied(const Sighting& seen) {
  return seen.keeper == Keeper::somebody && !is_whole(seen);
}

/// The text of a lock file, less than kRecordLimit bytes; holder fields that do not fit are left
/// out, the command first. Without a child there is room for one, unless the holder is detached: a
/// record never changes its length in place, or a reader could see half of two records.
[[nodiscard]] std::string format_record(std::string_view token, const Holder& holder);

/// `record` with `child` in the room that format_record() has left for it; nothing: it has none.
[[nodiscard]] std::optional<std::string> with_child(std::string_view record,
                                                    const ProcessId& child);

/// `record`, of any writer, with a heartbeat that is one higher; nothing: it has none.
[[nodiscard]] std::optional<std::string> with_next_heartbeat(std::string_view record);

/// The first heartbeat of a record.
inline constexpr std::string_view kFirstHeartbeat = "0000000000";

/// The token in `content`, read from a lock file: line 1, stripped. A view into it.
[[nodiscard]] std::string_view token_in(std::string_view content);

/// Does something follow the token as only ufl writes it? A hint: the rest of it is not looked at.
[[nodiscard]] bool has_holder_line(std::string_view content);

/// What `content`, read from a lock file, says. Takes any bytes.
[[nodiscard]] Sighting parse_record(std::string_view content);

}  // namespace ufl

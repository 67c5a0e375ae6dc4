// SPDX-License-Identifier: MIT

#pragma once

#include <string_view>

#include "protocol/place.hpp"
#include "protocol/record.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// What a look at the lock file tells the holder of a lock.
struct Finding {
  enum class Kind {
    ours,        ///< our token stands there
    another,     ///< somebody else's does
    no_lock,     ///< something that is no state of a lock (no_lock.hpp)
    unclear,     ///< a file that is empty, or cut short
    elsewhere,   ///< not our token, on another device: the share was unmounted; tells nothing
    absent,      ///< no such file
    unreadable,  ///< cannot tell
    impossible,  ///< something stands there that can never be a lock file
  };
  Kind kind = Kind::unreadable;
  Sighting seen;  ///< what stands there, if it is not ours
};

/// What `reply` to a look tells the holder of the lock of `token`, which was taken at `place`.
[[nodiscard]] Finding find(const FileReply& reply, std::string_view token, const Place& place);

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// The token: prefix + UUID, line 1 of a lock file. Tokens are compared as bytes after stripping
// white space at both ends, and are never parsed to decide who owns a lock.

#pragma once

#include <string>
#include <string_view>

namespace ufl {

/// `text` without ASCII white space at both ends, as Python's str.strip() leaves it.
[[nodiscard]] std::string_view strip(std::string_view text);

/// The token of a claim: `prefix` and `uuid`, stripped.
[[nodiscard]] std::string make_token(std::string_view prefix, std::string_view uuid);

/// Does `token` end in a UUID in its 36-character form? A lock of this protocol does; a data file
/// that was named by mistake does not.
[[nodiscard]] bool ends_in_uuid(std::string_view token);

/// Does `token` end in the beginning of a UUID, its first dash included: as a lock file would that
/// was cut short?
[[nodiscard]] bool ends_in_torn_uuid(std::string_view token);

/// The UUID that `token` ends in. Precondition: it does.
[[nodiscard]] std::string_view uuid_of(std::string_view token);

}  // namespace ufl

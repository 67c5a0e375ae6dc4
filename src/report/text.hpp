// SPDX-License-Identifier: MIT
//
// Text that a person will see or paste into a shell, made from bytes that nobody vouches for.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ufl {

/// What stands for what was cut off.
inline constexpr std::string_view kEllipsis = "...";

/// `bytes` with control characters, characters that are not seen, and whatever is not UTF-8 written
/// as \xNN, and a backslash as is: safe to print on a terminal, on one line.
[[nodiscard]] std::string printable(std::string_view bytes);

/// Is `bytes` valid UTF-8 without control characters, and is each of its characters seen?
[[nodiscard]] bool is_printable(std::string_view bytes);

/// `bytes` with whatever is not UTF-8 written as \xNN: for JSON, which can carry the rest.
[[nodiscard]] std::string valid_utf8(std::string_view bytes);

/// The most columns of a terminal that printable `text` takes: one for an ASCII character, two for
/// any other (there are wider fonts than any table knows).
[[nodiscard]] std::size_t most_columns(std::string_view text);

/// The longest beginning of printable `text` that takes no more than `columns`, with "..." in place
/// of what is cut off; nothing, if there is no room for that.
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns);

/// The same with the longest end, and "..." in place of what is before it: the end of a path says
/// more than its beginning. At least "...".
[[nodiscard]] std::string fit_end(std::string_view text, std::size_t columns);

/// `words` as every POSIX shell takes them: quoted where it matters, "$(printf '...')" where there
/// are control characters, bytes that are not UTF-8, or what nobody sees. The result is printable.
/// A shell gets a word that ends in a line break without that.
[[nodiscard]] std::string shell_quote(const std::vector<std::string>& words);

/// Does a shell get `word` from shell_quote() as it is?
[[nodiscard]] bool can_be_quoted(std::string_view word);

/// A field of a lock file, printable and of a reasonable length.
[[nodiscard]] std::string shown(std::string_view field, std::size_t limit = 80);

/// The directory that `path` names something in, printable: "." for a bare name.
[[nodiscard]] std::string directory_text(std::string_view path);

/// What an errno value means: "No such file or directory".
[[nodiscard]] std::string error_text(int error);

/// At most `limit` bytes of `text` (UTF-8), cut between characters and ending in "..." if cut.
[[nodiscard]] std::string shorten(std::string text, std::size_t limit);

}  // namespace ufl

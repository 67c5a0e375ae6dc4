// SPDX-License-Identifier: MIT

#include "report/text.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <system_error>

#include "seams/file_system.hpp"

namespace ufl {

namespace {

constexpr char kHex[] = "0123456789abcdef";

/// The first character of a text.
struct Character {
  std::size_t length = 0;  ///< in bytes; 0: this is not UTF-8
  std::uint32_t code = 0;  ///< code point
};

// RFC 3629, section 4.
Character first_of(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return {};
  std::uint32_t code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0U) != 0x80) return {};
    code = code << 6U | (at(i) & 0x3fU);
  }
  constexpr std::uint32_t kShortest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kShortest[length] || code > 0x10ffff || surrogate) return {};
  return {length, code};
}

struct Codes {
  std::uint32_t first;
  std::uint32_t last;
};

// Nothing is seen of them, so two names would look alike; some turn text round. Unicode 15.0,
// DerivedCoreProperties.txt, Default_Ignorable_Code_Point: soft hyphen, zero width space, word
// joiner, joiners, marks of direction, Hangul fillers, variation selectors, byte order mark, tags.
constexpr Codes kDefaultIgnorable[] = {
    {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x061c, 0x061c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x202a, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfff8}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

bool is_default_ignorable(std::uint32_t code) {
  return std::any_of(
      std::begin(kDefaultIgnorable), std::end(kDefaultIgnorable),
      [code](const Codes& codes) { return codes.first <= code && code <= codes.last; });
}

// No control character (C0, DEL, C1), line or paragraph separator, and nothing invisible.
bool is_printable_code(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool separator = code == 0x2028 || code == 0x2029;
  return !control && !separator && !is_default_ignorable(code);
}

// The length of the printable character that `bytes` begins with, 0 if there is none.
std::size_t printable_length(std::string_view bytes) {
  const Character first = first_of(bytes);
  return first.length > 0 && is_printable_code(first.code) ? first.length : 0;
}

void append_escaped(std::string& text, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  text += "\\x";
  text += kHex[value >> 4U];
  text += kHex[value & 15U];
}

bool is_plain(char c) {
  const bool alphanumeric =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || std::string_view{"%+,-./:=@_"}.find(c) != std::string_view::npos;
}

// zsh takes what follows a "=" for a command's name, at the beginning of a word and in some others.
bool needs_no_quotes(std::string_view word) {
  if (word.empty() || !std::all_of(word.begin(), word.end(), is_plain)) return false;
  return !word.starts_with('=') && word.find("==") == std::string_view::npos &&
         word.find(":=") == std::string_view::npos;
}

// printf(1) writes the same byte for \NNN in its format in every shell. No other way to write
// control characters on one line is read alike by all: $'\'; id; #' is one word in bash, and ends a
// quoted one and begins a command in dash. No "-" in front, which would be an option. No "!"
// anywhere: the history of an interactive shell reads it inside quotes, too.
std::string as_format(std::string_view word) {
  std::string text;
  for (const char c : word) {
    if (c == ' ' || (is_plain(c) && c != '%' && !(c == '-' && text.empty()))) {
      text += c;
      continue;
    }
    const auto value = static_cast<unsigned char>(c);
    text += '\\';
    text += kHex[value >> 6U];
    text += kHex[value >> 3U & 7U];
    text += kHex[value & 7U];
  }
  return text;
}

std::string quote(const std::string& word) {
  if (needs_no_quotes(word)) return word;
  if (!is_printable(word)) return "\"$(printf '" + as_format(word) + "')\"";
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return text + "'";
}

// The columns that the first character of a text may take, and its length.
struct Cell {
  std::size_t length;
  std::size_t columns;
};

Cell first_cell(std::string_view text) {
  const std::size_t length = std::max<std::size_t>(first_of(text).length, 1);
  return {length, length == 1 ? std::size_t{1} : std::size_t{2}};
}

// `bytes`, with escapes in place of all for which `length_of` gives 0 rather than a length.
template <typename LengthOf>
std::string escaped_unless(std::string_view bytes, LengthOf length_of) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = length_of(bytes);
    if (length == 0) {
      append_escaped(text, bytes.front());
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

}  // namespace

std::string printable(std::string_view bytes) { return escaped_unless(bytes, printable_length); }

std::string valid_utf8(std::string_view bytes) {
  return escaped_unless(bytes, [](std::string_view rest) { return first_of(rest).length; });
}

bool is_printable(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = printable_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::size_t most_columns(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Cell first = first_cell(text);
    columns += first.columns;
    text.remove_prefix(first.length);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (most_columns(text) <= columns) return std::string{text};
  if (columns <= kEllipsis.size()) return {};
  std::size_t length = 0;
  for (std::size_t left = columns - kEllipsis.size(); left > 0;) {
    const Cell next = first_cell(text.substr(length));
    if (next.columns > left) break;
    left -= next.columns;
    length += next.length;
  }
  return std::string{text.substr(0, length)}.append(kEllipsis);
}

std::string fit_end(std::string_view text, std::size_t columns) {
  std::size_t width = most_columns(text);
  if (width <= columns) return std::string{text};
  while (!text.empty() && width + kEllipsis.size() > columns) {
    const Cell first = first_cell(text);
    width -= first.columns;
    text.remove_prefix(first.length);
  }
  return std::string{kEllipsis}.append(text);
}

std::string shell_quote(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += quote(word);
  }
  return text;
}

bool can_be_quoted(std::string_view word) { return !word.ends_with('\n'); }

std::string shown(std::string_view field, std::size_t limit) {
  return shorten(printable(field), limit);
}

std::string directory_text(std::string_view path) {
  const std::string_view directory = directory_part(path);
  return directory.empty() ? "." : printable(directory);
}

std::string error_text(int error) { return std::generic_category().message(error); }

std::string shorten(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) --end;
  text.resize(end);
  return text.append(kEllipsis);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "report/text.hpp"

#include <algorithm>
#include <cstdint>
#include <system_error>

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

// No control character (C0, DEL, C1), line or paragraph separator, bidirectional mark or override,
// and nothing invisible, which would make two names look alike: zero width space, byte order mark,
// tags. (The joiners U+200C and U+200D change what is seen.)
bool is_printable_code(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool override = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const bool mark = code == 0x61c || code == 0x200e || code == 0x200f;
  const bool invisible = code == 0x200b || code == 0xfeff || (code >= 0xe0000 && code <= 0xe007f);
  return !control && !separator && !override && !mark && !invisible;
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

std::string quote(const std::string& word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return word;
  std::string text;
  if (is_printable(word)) {
    text = "'";
    for (const char c : word) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return text + "'";
  }
  text = "$'";
  for (std::size_t i = 0; i < word.size();) {
    const std::size_t length = printable_length(std::string_view{word}.substr(i));
    if (length == 0) {
      append_escaped(text, word[i++]);
      continue;
    }
    if (word[i] == '\'' || word[i] == '\\') text += '\\';
    text.append(word, i, length);
    i += length;
  }
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

std::string shown(std::string_view field, std::size_t limit) {
  return shorten(printable(field), limit);
}

std::string directory_text(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? "." : printable(path.substr(0, slash + 1));
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

// SPDX-License-Identifier: MIT

#include "protocol/json_line.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <charconv>
#include <cmath>
#include <iterator>

namespace ufl {

namespace {

template <typename Number>
std::string number_text(Number value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

struct Escape {
  std::string_view first;  // UTF-8 of a range of characters, which differ in the last byte
  std::string_view last;
  std::string_view prefix;  // what comes before the last two digits
  unsigned char offset;     // of the last byte from those two digits
};

// DEL; C1; line and paragraph separators and bidirectional overrides. JSON itself escapes only C0.
constexpr Escape kEscapes[] = {
    {"\x7f", "\x7f", "\\u00", 0},
    {"\xc2\x80", "\xc2\x9f", "\\u00", 0},
    {"\xe2\x80\xa8", "\xe2\x80\xae", "\\u20", 0x80},
    {"\xe2\x81\xa6", "\xe2\x81\xa9", "\\u20", 0x40},
};

std::string escaped(std::string_view json) {
  std::string text;
  while (!json.empty()) {
    const auto* const escape =
        std::find_if(std::begin(kEscapes), std::end(kEscapes), [&](const Escape& candidate) {
          const auto here = json.substr(0, candidate.first.size());
          return here >= candidate.first && here <= candidate.last;
        });
    if (escape == std::end(kEscapes)) {
      text += json.front();
      json.remove_prefix(1);
      continue;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto last = static_cast<unsigned char>(json[escape->first.size() - 1]);
    const unsigned low = last - unsigned{escape->offset};
    text.append(escape->prefix).append({kHex[low >> 4U], kHex[low & 15U]});
    json.remove_prefix(escape->first.size());
  }
  return text;
}

}  // namespace

void JsonLine::add(std::string_view key, const std::string& value) {
  add_raw(key, escaped(boost::json::serialize(boost::json::string_view{value})));
}

void JsonLine::add(std::string_view key, bool value) { add_raw(key, value ? "true" : "false"); }

void JsonLine::add(std::string_view key, std::int64_t value) { add_raw(key, number_text(value)); }

void JsonLine::add(std::string_view key, std::uint64_t value) { add_raw(key, number_text(value)); }

void JsonLine::add(std::string_view key, double value) {
  add_raw(key, std::isfinite(value) ? number_text(value) : "null");
}

void JsonLine::add_null(std::string_view key) { add_raw(key, "null"); }

void JsonLine::add_object(std::string_view key, const JsonLine& value) {
  add_raw(key, value.text());
}

void JsonLine::add_raw(std::string_view key, std::string_view json) {
  members_ += members_.empty() ? "{\"" : ",\"";
  members_.append(key).append("\":").append(json);
}

}  // namespace ufl

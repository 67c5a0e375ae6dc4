// SPDX-License-Identifier: MIT

#include "protocol/json_line.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace ufl {

namespace {

template <typename Number>
std::string number_text(Number value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

// Characters whose UTF-8 differs in the last byte only.
struct Range {
  std::size_t size;         // of their UTF-8
  std::uint32_t first;      // that UTF-8 as a number
  std::uint32_t last;       //
  std::string_view prefix;  // of \uNNNN, without the last two digits
  unsigned char offset;     // of the last byte from those two digits
};

// DEL; C1; line and paragraph separators and bidirectional overrides. JSON itself escapes only C0.
constexpr Range kEscaped[] = {
    {1, 0x7f, 0x7f, "\\u00", 0},
    {2, 0xc280, 0xc29f, "\\u00", 0},
    {3, 0xe280a8, 0xe280ae, "\\u20", 0x80},
    {3, 0xe281a6, 0xe281a9, "\\u20", 0x40},
};

std::uint32_t as_number(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<unsigned char>(byte);
  return number;
}

const Range* range_of(std::string_view text) {
  for (const Range& range : kEscaped) {
    const std::uint32_t here = as_number(text.substr(0, range.size));
    if (here >= range.first && here <= range.last) return &range;
  }
  return nullptr;
}

std::string escaped(std::string_view json) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  while (!json.empty()) {
    const Range* range = range_of(json);
    if (range == nullptr) {
      text += json.front();
      json.remove_prefix(1);
      continue;
    }
    const unsigned low = (as_number(json.substr(0, range->size)) & 0xffU) - range->offset;
    text.append(range->prefix).append({kHex[low >> 4U], kHex[low & 15U]});
    json.remove_prefix(range->size);
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

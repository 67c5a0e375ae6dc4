// SPDX-License-Identifier: MIT

#include "protocol/json_line.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <charconv>
#include <cmath>

namespace ufl {

namespace {

template <typename Number>
std::string number_text(Number value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

}  // namespace

void JsonLine::add(std::string_view key, const std::string& value) {
  add_raw(key, boost::json::serialize(boost::json::string_view{value}));
}

void JsonLine::add(std::string_view key, const std::vector<std::string>& values) {
  std::string array;
  for (const std::string& value : values) {
    array += array.empty() ? '[' : ',';
    array += boost::json::serialize(boost::json::string_view{value});
  }
  add_raw(key, array.empty() ? "[]" : array + ']');
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

void JsonLine::add_reserved(std::string_view key, std::size_t width) {
  std::string value{"null"};
  value.resize(width, ' ');
  add_raw(key, value);
}

void JsonLine::add_raw(std::string_view key, std::string_view json) {
  members_ += members_.empty() ? "{\"" : ",\"";
  members_.append(key).append("\":").append(json);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "protocol/record.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "protocol/token.hpp"

namespace ufl {

namespace {

template <typename T>
concept Arithmetic = std::is_arithmetic_v<T>;

// Boost.JSON writes 0.2 as 2E-1; a person reads lock files too.
template <Arithmetic Number>
std::string to_json(Number value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

std::string to_json(const std::string& value) { return boost::json::serialize(value); }

// Boost.JSON writes any bytes, and reads back UTF-8 only: a host or user name may be anything.
bool is_json_text(const std::string& value) {
  const bool ascii = std::all_of(value.begin(), value.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return true;
  boost::json::error_code error;
  boost::json::parse(boost::json::serialize(value), error);
  return !error;
}

template <Arithmetic Number>
bool is_json_text(Number) {
  return true;
}

template <typename T>
void append(std::string& line, std::string_view key, const std::optional<T>& value) {
  if (!value || !is_json_text(*value)) return;
  line += line.size() > 1 ? ",\"" : "\"";
  line += key;
  line += "\":";
  line += to_json(*value);
}

void take(const boost::json::object& object, std::string_view key,
          std::optional<std::string>& field) {
  const auto* value = object.if_contains(key);
  if (value != nullptr && value->is_string()) field = std::string{value->get_string()};
}

template <Arithmetic Number>
void take(const boost::json::object& object, std::string_view key, std::optional<Number>& field) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return;
  boost::json::error_code error;
  const auto number = value->to_number<Number>(error);
  if (!error) field = number;
}

// The one list of keys, for both directions.
template <typename Fields, typename Visit>
void for_each_field(Fields& holder, Visit visit) {
  visit("host", holder.host);
  visit("boot", holder.boot);
  visit("netns", holder.netns);
  visit("pidns", holder.pidns);
  visit("timens", holder.timens);
  visit("pid", holder.pid);
  visit("start", holder.start);
  visit("uid", holder.uid);
  visit("user", holder.user);
  visit("since", holder.since);
  visit("delay", holder.delay);
  visit("command", holder.command);
}

std::string holder_line(const Holder& holder) {
  std::string line = "{";
  append(line, "v", std::optional{1});
  for_each_field(holder,
                 [&](std::string_view key, const auto& field) { append(line, key, field); });
  line += '}';
  return line;
}

}  // namespace

std::string format_record(std::string_view token, const Holder& holder) {
  Holder fits = holder;
  const auto text = [&] { return std::string{token} + '\n' + holder_line(fits) + '\n'; };
  std::string record = text();
  for (auto field : {&Holder::command, &Holder::user, &Holder::host}) {
    if (record.size() <= kRecordLimit) break;
    (fits.*field).reset();
    record = text();
  }
  return record;
}

Sighting parse_record(std::string_view content) {
  Sighting seen;
  if (content.empty()) {
    seen.kind = Sighting::Kind::empty;
    return seen;
  }
  const auto end_of_token = content.find('\n');
  seen.token = std::string{strip(content.substr(0, end_of_token))};
  seen.kind = Sighting::Kind::garbled;
  if (!ends_in_uuid(seen.token)) return seen;

  seen.kind = Sighting::Kind::foreign;
  if (end_of_token == std::string_view::npos) return seen;
  const std::string_view rest = content.substr(end_of_token + 1);
  const std::string_view line = strip(rest.substr(0, rest.find('\n')));
  boost::json::error_code error;
  const auto json = boost::json::parse({line.data(), line.size()}, error);
  if (error || !json.is_object()) return seen;

  seen.kind = Sighting::Kind::record;
  for_each_field(seen.holder,
                 [&](std::string_view key, auto& field) { take(json.get_object(), key, field); });
  return seen;
}

}  // namespace ufl

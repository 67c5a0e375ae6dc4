// SPDX-License-Identifier: MIT

#include "protocol/record.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "protocol/json_line.hpp"
#include "protocol/token.hpp"

namespace ufl {

namespace {

template <typename T>
concept Arithmetic = std::is_arithmetic_v<T>;

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

// False: the value is not of the type that the key has.
bool convert(const boost::json::value& value, std::string& field) {
  if (value.is_string()) field = std::string{value.get_string()};
  return value.is_string();
}

bool convert(const boost::json::value& value, bool& field) {
  if (value.is_bool()) field = value.get_bool();
  return value.is_bool();
}

template <Arithmetic Number>
bool convert(const boost::json::value& value, Number& field) {
  if (!value.is_number()) return false;
  boost::json::error_code error;
  field = value.to_number<Number>(error);
  // 1e999 is infinite by now.
  return !error && std::isfinite(static_cast<double>(field));
}

template <typename T>
bool take(const boost::json::object& object, std::string_view key, std::optional<T>& field) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return true;
  return convert(*value, field.emplace());
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
  visit("lease", holder.lease);
  visit("detached", holder.detached);
  visit("command", holder.command);
}

std::string holder_line(const Holder& holder) {
  JsonLine line;
  line.add("v", std::int64_t{1});
  for_each_field(holder, [&](std::string_view key, const auto& field) {
    if (field && is_json_text(*field)) line.add(key, *field);
  });
  return line.text();
}

}  // namespace

std::string format_record(std::string_view token, const Holder& holder) {
  Holder fits = holder;
  const auto text = [&] { return std::string{token} + '\n' + holder_line(fits) + '\n'; };
  std::string record = text();
  for (auto field : {&Holder::command, &Holder::user, &Holder::host}) {
    if (record.size() < kRecordLimit) break;
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
  // A reader that stops at the limit cannot know what follows.
  if (!ends_in_uuid(seen.token) || content.size() >= kRecordLimit) return seen;

  seen.kind = Sighting::Kind::foreign;
  if (end_of_token == std::string_view::npos) return seen;
  const std::string_view rest = content.substr(end_of_token + 1);
  const std::string_view line = strip(rest.substr(0, rest.find('\n')));
  boost::json::error_code error;
  const auto json = boost::json::parse({line.data(), line.size()}, error);
  if (error || !json.is_object()) return seen;

  // A key of another type than it has: ufl did not write this, and the rest is not believed,
  // either.
  Holder holder;
  bool well_typed = true;
  for_each_field(holder, [&](std::string_view key, auto& field) {
    well_typed = take(json.get_object(), key, field) && well_typed;
  });
  if (!well_typed) return seen;
  seen.kind = Sighting::Kind::record;
  seen.holder = std::move(holder);
  return seen;
}

}  // namespace ufl

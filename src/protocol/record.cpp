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

#include "protocol/assert.hpp"
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

constexpr std::string_view kVersionKey = "v";
constexpr std::string_view kChildKey = "child";

// {"pid":2147483647,"start":18446744073709551615}
constexpr std::size_t kChildWidth = 47;

JsonLine child_line(const ProcessId& child) {
  JsonLine line;
  line.add("pid", child.pid);
  line.add_or_null("start", child.start);
  return line;
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

bool convert(const boost::json::value& value, ProcessId& field) {
  if (!value.is_object()) return false;
  const auto* pid = value.get_object().if_contains("pid");
  const auto* start = value.get_object().if_contains("start");
  if (pid == nullptr || !convert(*pid, field.pid)) return false;
  return start == nullptr || start->is_null() || convert(*start, field.start.emplace());
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
  visit("machine", holder.machine);
  visit("boot", holder.boot);
  visit("netns", holder.netns);
  visit("pidns", holder.pidns);
  visit("timens", holder.timens);
  visit("pid", holder.pid);
  visit("start", holder.start);
  visit("uid", holder.uid);
  visit("user", holder.user);
  visit("since", holder.since);
  visit("mount", holder.mount);
  visit("delay", holder.delay);
  visit("lease", holder.lease);
  visit("beat", holder.heartbeat);
  visit("detached", holder.detached);
  visit("lifeline", holder.lifeline);
  visit("child", holder.child);
  visit("command", holder.command);
}

std::string holder_line(const Holder& holder) {
  JsonLine line;
  line.add(kVersionKey, kRecordVersion);
  for_each_field(holder, [&](std::string_view key, const auto& field) {
    if (!field) return;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(*field)>, ProcessId>) {
      line.add_object(key, child_line(*field));
    } else if (is_json_text(*field)) {
      line.add(key, *field);
    }
  });
  if (!holder.child && !holder.detached.value_or(false)) line.add_reserved(kChildKey, kChildWidth);
  return line.text();
}

// A number of this value, not 1.0 or "1". A writer that leaves it out keeps to what has stood
// from the beginning.
bool is_known_version(const boost::json::object& object) {
  const auto* version = object.if_contains(kVersionKey);
  return version == nullptr || (version->is_int64() && version->get_int64() == kRecordVersion);
}

// Where the value of `key` begins on line 2. No JSON text holds `"key":` by itself: a quotation
// mark in it is escaped.
std::size_t value_of(std::string_view record, std::string_view key) {
  const auto line = record.find('\n');
  const std::string name = '"' + std::string{key} + "\":";
  const auto found = line == std::string_view::npos ? line : record.find(name, line);
  return found == std::string_view::npos ? found : found + name.size();
}

// Does a parser get back what was written, and from what is written over it later, too? What is no
// text that JSON can hold is left out both times.
bool reads_back(const std::string& record, std::string_view token, const Holder& holder) {
  const Sighting seen = parse_record(record);
  if (seen.token != strip(token)) return false;
  if (!ends_in_uuid(seen.token)) return true;  // nobody looks at the rest
  const auto is_record = [](const std::optional<std::string>& text) {
    return !text || parse_record(*text).kind == Sighting::Kind::record;
  };
  return is_record(record) && holder_line(seen.holder) == holder_line(holder) &&
         is_record(with_child(record, {1, 1})) && is_record(with_next_heartbeat(record));
}

// Written over the record in place: what is read meanwhile is one of the two, or begins like both.
bool may_replace(std::string_view next, std::string_view record) {
  return next.size() == record.size() && token_in(next) == token_in(record);
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
  UFL_ASSERT(record.size() >= kRecordLimit || reads_back(record, token, fits));
  return record;
}

std::optional<std::string> with_child(std::string_view record, const ProcessId& child) {
  const auto begin = value_of(record, kChildKey);
  std::string room{"null"};
  room.resize(kChildWidth, ' ');
  if (begin == std::string_view::npos || !record.substr(begin).starts_with(room)) return {};
  std::string value = child_line(child).text();
  if (value.size() > kChildWidth) return {};
  value.resize(kChildWidth, ' ');
  std::string next = std::string{record}.replace(begin, kChildWidth, value);
  UFL_ASSERT(may_replace(next, record));
  return next;
}

std::optional<std::string> with_next_heartbeat(std::string_view record) {
  const auto begin = value_of(record, "beat");
  if (begin == std::string_view::npos || begin >= record.size() || record[begin] != '"') return {};
  const auto end = record.find('"', begin + 1);
  const std::string_view beat =
      record.substr(begin + 1, end == std::string_view::npos ? 0 : end - begin - 1);
  if (beat.empty() || beat.find_first_not_of("0123456789") != std::string_view::npos) return {};
  std::string next{record};
  for (auto digit = end; digit-- > begin + 1;) {
    next[digit] = next[digit] == '9' ? '0' : static_cast<char>(next[digit] + 1);
    if (next[digit] != '0') break;
  }
  UFL_ASSERT(may_replace(next, record));
  return next;
}

std::string_view token_in(std::string_view content) {
  return strip(content.substr(0, content.find('\n')));
}

bool has_holder_line(std::string_view content) {
  const auto end_of_token = content.find('\n');
  return end_of_token != std::string_view::npos &&
         content.substr(end_of_token + 1).starts_with('{');
}

Sighting parse_record(std::string_view content) {
  Sighting seen;
  if (content.empty()) {
    seen.kind = Sighting::Kind::empty;
    return seen;
  }
  const auto end_of_token = content.find('\n');
  seen.token = std::string{token_in(content)};
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

  if (!is_known_version(json.get_object())) {
    seen.kind = Sighting::Kind::unknown_version;
    return seen;
  }
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

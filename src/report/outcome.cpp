// SPDX-License-Identifier: MIT

#include "report/outcome.hpp"

#include <chrono>
#include <cstdint>

#include "protocol/json_line.hpp"
#include "report/holder_json.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

std::string_view name_of(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::failed:
      return "failed";
    case Outcome::Kind::not_acquired:
      return "not_acquired";
    case Outcome::Kind::interrupted:
      return "interrupted";
    case Outcome::Kind::acquired:
      return "acquired";
    case Outcome::Kind::lost:
      break;
  }
  return "lost";
}

std::optional<double> in_seconds(const std::optional<Duration>& time) {
  if (!time) return std::nullopt;
  // To the millisecond: more digits are noise.
  const auto rounded = std::chrono::round<std::chrono::milliseconds>(*time);
  return static_cast<double>(rounded.count()) / 1000;
}

std::optional<std::int64_t> unless_zero(int number) {
  return number != 0 ? std::optional<std::int64_t>{number} : std::nullopt;
}

}  // namespace

std::string outcome_json(const Outcome& outcome) {
  JsonLine object;
  object.add("lock", valid_utf8(outcome.lock));
  object.add_or_null(
      "token", outcome.token.empty() ? std::nullopt : std::optional{valid_utf8(outcome.token)});
  object.add("outcome", std::string{name_of(outcome.kind)});
  object.add("status", std::int64_t{outcome.status});
  object.add_or_null("exit",
                     outcome.exit ? std::optional<std::int64_t>{*outcome.exit} : std::nullopt);
  object.add_or_null("signal", unless_zero(outcome.signal));
  object.add_or_null("waited", in_seconds(outcome.waited));
  object.add_or_null("held", in_seconds(outcome.held));
  object.add_or_null("released", outcome.released);
  if (outcome.holder.kind == Sighting::Kind::none) {
    object.add_null("holder");
  } else {
    JsonLine holder;
    add_holder(holder, outcome.holder);
    object.add_object("holder", holder);
  }
  return object.text() + '\n';
}

}  // namespace ufl

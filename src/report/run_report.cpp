// SPDX-License-Identifier: MIT

#include "report/run_report.hpp"

#include <chrono>
#include <cstdint>

#include "protocol/json_line.hpp"
#include "report/holder_json.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

std::string_view name_of(RunReport::Kind kind) {
  switch (kind) {
    case RunReport::Kind::failed:
      return "failed";
    case RunReport::Kind::not_acquired:
      return "not_acquired";
    case RunReport::Kind::interrupted:
      return "interrupted";
    case RunReport::Kind::acquired:
      return "acquired";
    case RunReport::Kind::lost:
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

std::string run_report_json(const RunReport& report) {
  JsonLine object;
  object.add("lock", valid_utf8(report.lock));
  object.add_or_null("token",
                     report.token.empty() ? std::nullopt : std::optional{valid_utf8(report.token)});
  object.add("outcome", std::string{name_of(report.kind)});
  object.add("status", std::int64_t{report.status});
  object.add_or_null("exit",
                     report.exit ? std::optional<std::int64_t>{*report.exit} : std::nullopt);
  object.add_or_null("signal", unless_zero(report.signal));
  object.add_or_null("waited", in_seconds(report.waited));
  object.add_or_null("held", in_seconds(report.held));
  object.add_or_null("released", report.released);
  if (report.holder.kind == Sighting::Kind::none) {
    object.add_null("holder");
  } else {
    JsonLine holder;
    add_holder(holder, report.holder);
    object.add_object("holder", holder);
  }
  return object.text() + '\n';
}

}  // namespace ufl

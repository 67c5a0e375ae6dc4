// SPDX-License-Identifier: MIT

#include "report/waiting_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <vector>

#include "report/holder_text.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"

namespace ufl {

namespace {

constexpr std::string_view kDot = " · ";

// 0:07, 12:34, 1:02:03
std::string stopwatch_text(Duration time) {
  using namespace std::chrono;
  const auto whole = floor<seconds>(time);
  const auto in_hours = floor<hours>(whole);
  const auto in_minutes = floor<minutes>(whole) - in_hours;
  const auto rest = whole - in_hours - in_minutes;
  if (in_hours.count() > 0) {
    return fmt::format("{}:{:02}:{:02}", in_hours.count(), in_minutes.count(), rest.count());
  }
  return fmt::format("{}:{:02}", in_minutes.count(), rest.count());
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!text.empty()) text += kDot;
    text += part;
  }
  return text;
}

// Where there is no room for a sentence.
std::string narrow(const std::string& path, const std::string& clock, std::size_t columns) {
  const std::size_t rest = most_columns(joined({"x", clock})) - 1;
  if (rest + kEllipsis.size() >= columns) return fit(clock, columns);
  return joined({fit_end(path, columns - rest), clock});
}

}  // namespace

std::string waiting_text(const std::string& path, const WaitProgress& waiting, Wall now,
                         std::size_t columns) {
  const std::string shown = printable(path);
  const std::string_view verb = waiting.for_other ? "ufl: waiting for " : "ufl: taking ";
  const std::string clock = stopwatch_text(waiting.since);
  std::string who;
  std::string command;
  std::string more;
  if (waiting.for_other) {
    const HolderParts parts = holder_parts(waiting.seen, now);
    who = parts.who + (parts.pid.empty() ? "" : " " + parts.pid);
    command = parts.command;
    if (!parts.age.empty()) more = "held " + parts.age;
  } else {
    more = "reading it back after " + duration_text(waiting.delay);
  }
  const auto line = [&](const std::string& name) {
    return joined({std::string{verb} + name, who, command, more, clock});
  };
  const auto excess = [&] {
    const std::size_t width = most_columns(line(shown));
    return width > columns ? width - columns : 0;
  };
  constexpr std::size_t kShortest = 12;  // of a name or command that still says something
  if (excess() > 0 && !command.empty()) {
    const std::size_t all = most_columns(command);
    const std::size_t room = all > excess() ? all - excess() : 0;
    command = room >= kShortest ? fit(command, room) : std::string{};
  }
  if (excess() > 0) more.clear();
  if (excess() > 0 && most_columns(line({})) + kShortest > columns) who.clear();
  if (excess() == 0) return line(shown);
  const std::size_t rest = most_columns(line({}));
  return rest + kEllipsis.size() < columns ? line(fit_end(shown, columns - rest))
                                           : narrow(shown, clock, columns);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "verbs/waiting_log.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "report/holder_text.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"
#include "sys/standard_error.hpp"

namespace ufl {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// When to speak again, after the start of the wait: a message each second is too much, one message
// alone looks hung.
constexpr std::array<Duration, 4> kSpeakAfter{seconds{10}, seconds{30}, minutes{1}, minutes{5}};

}  // namespace

WaitingLog::WaitingLog(std::string path, Verbosity verbosity, const Clock& clock)
    : path_{std::move(path)},
      verbose_{verbosity == Verbosity::verbose},
      clock_{clock},
      started_{clock.now()} {}

bool WaitingLog::is_due(bool for_other) const {
  return verbose_ && for_other && (!next_line_ || clock_.now() >= *next_line_);
}

void WaitingLog::waiting(const Sighting& seen) {
  const Mono now = clock_.now();
  say(printable(path_) + ": waiting" +
      (next_line_ ? " for " + duration_text(now - started_) + " now" : std::string{}) + ": " +
      holder_text(seen, clock_.wall()));
  const std::size_t interval = std::min(lines_++, kSpeakAfter.size() - 1);
  const Duration last = kSpeakAfter.back();
  next_line_ = lines_ <= kSpeakAfter.size() ? started_ + kSpeakAfter.at(interval) : now + last;
}

void WaitingLog::acquired() {
  acquired_at_ = clock_.now();
  if (verbose_) say(printable(path_) + ": got it after " + duration_text(acquired_at_ - started_));
}

void WaitingLog::released() {
  if (!verbose_) return;
  say(printable(path_) + ": released after " + duration_text(clock_.now() - acquired_at_));
}

}  // namespace ufl

// SPDX-License-Identifier: MIT
//
// stamp LOG HOLD_MS: the command that the benchmarks run under a lock. It adds one line
// "PID START END" to LOG: CLOCK_MONOTONIC in nanoseconds at the start of main, and HOLD_MS later.
// Two such intervals under one lock that overlap are two holders at once; from the end of one to
// the start of the next is what handing the lock over took. Python's time.monotonic_ns() is this
// clock.
//
// Small on purpose, and linked statically where that works: its own start is part of every number.

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <system_error>

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMillisecond;
constexpr int kUsage = 64;

/// CLOCK_MONOTONIC in nanoseconds.
std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

/// Sleep until CLOCK_MONOTONIC says `end`, whatever interrupts.
void sleep_until(std::int64_t end) {
  const timespec time{end / kSecond, end % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) != 0) {
  }
}

/// Add the line to `log` with one write(2), which O_APPEND makes indivisible. False: not written.
bool append(const char* log, std::int64_t start, std::int64_t end) {
  char line[80];
  const int length =
      std::snprintf(line, sizeof line, "%lld %lld %lld\n", static_cast<long long>(getpid()),
                    static_cast<long long>(start), static_cast<long long>(end));
  const int file = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  return file >= 0 && write(file, line, static_cast<std::size_t>(length)) == length;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t start = now();
  if (argc != 3) return kUsage;
  const std::string_view text = argv[2];
  std::int64_t hold = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), hold);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || hold < 0)
    return kUsage;
  if (hold > 0) sleep_until(start + hold * kMillisecond);
  return append(argv[1], start, now()) ? 0 : 1;
}

// SPDX-License-Identifier: MIT

#include "sys/system_clock.hpp"

#include <chrono>
#include <ctime>

namespace ufl {

Mono SystemClock::now() const {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return Mono{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

Wall SystemClock::wall() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace ufl

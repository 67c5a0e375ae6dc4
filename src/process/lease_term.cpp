// SPDX-License-Identifier: MIT

#include "process/lease_term.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <new>

namespace ufl {

namespace {

// The values of the word that are no time since boot, which is positive.
constexpr std::int64_t kOver = -1;
constexpr std::int64_t kDone = -2;

std::int64_t word_of(Mono time) { return time.time_since_epoch().count(); }

bool is_time(std::int64_t word) { return word >= 0; }

}  // namespace

struct LeaseTerm::Page {
  std::atomic<std::int64_t> stop_at;
  std::atomic<std::int64_t> kill_at;
  // An atomic that needs a lock does not work between two processes.
  static_assert(std::atomic<std::int64_t>::is_always_lock_free);
};

LeaseTerm::~LeaseTerm() {
  if (page_ != nullptr) ::munmap(page_, sizeof *page_);
}

int LeaseTerm::open(Mono stop_at, Mono kill_at, Duration kill_after) {
  kill_after_ = kill_after;
  if (page_ == nullptr) {
    void* const memory =
        ::mmap(nullptr, sizeof *page_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return errno;
    page_ = new (memory) Page{};
  }
  page_->kill_at = word_of(kill_at);
  page_->stop_at = word_of(stop_at);
  return 0;
}

bool LeaseTerm::raise(const Clock& clock, Mono stop_at, Mono kill_at) {
  if (page_ == nullptr) return true;
  std::int64_t before = page_->stop_at;
  // The clock is read after the word, and the word compared after that.
  if (!is_time(before) || word_of(clock.now()) >= before) return false;
  if (word_of(stop_at) <= before) return true;
  if (!page_->stop_at.compare_exchange_strong(before, word_of(stop_at))) return false;
  page_->kill_at = word_of(kill_at);
  return true;
}

bool LeaseTerm::end_in_time(const Clock& clock) {
  if (page_ == nullptr) return false;
  std::int64_t before = page_->stop_at;
  const Mono now = clock.now();
  const bool due = is_time(before) && word_of(now) >= before;
  if (!due || !page_->stop_at.compare_exchange_strong(before, kOver)) return false;
  if (word_of(now + kill_after_) < page_->kill_at) page_->kill_at = word_of(now + kill_after_);
  return true;
}

bool LeaseTerm::end(Mono kill_at) {
  if (page_ == nullptr) return true;
  // Before the word: a warden that saw "over" first would kill later.
  if (word_of(kill_at) < page_->kill_at) page_->kill_at = word_of(kill_at);
  std::int64_t before = page_->stop_at;
  while (is_time(before)) {
    if (page_->stop_at.compare_exchange_weak(before, kOver)) return true;
  }
  return false;
}

bool LeaseTerm::conclude() {
  if (page_ == nullptr) return true;
  std::int64_t before = page_->stop_at;
  while (is_time(before)) {
    if (page_->stop_at.compare_exchange_weak(before, kDone)) return true;
  }
  return before == kDone;
}

bool LeaseTerm::is_over() const { return page_ != nullptr && page_->stop_at == kOver; }

bool LeaseTerm::is_done() const { return page_ != nullptr && page_->stop_at == kDone; }

Mono LeaseTerm::stop_at() const {
  const std::int64_t word = page_ == nullptr ? kDone : page_->stop_at.load();
  return is_time(word) ? Mono{Duration{word}} : Mono::max();
}

Mono LeaseTerm::kill_at() const {
  return page_ == nullptr ? Mono::max() : Mono{Duration{page_->kill_at.load()}};
}

}  // namespace ufl

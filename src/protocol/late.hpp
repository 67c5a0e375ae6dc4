// SPDX-License-Identifier: MIT
//
// How old a look may be when something that rests on it is written or removed. The bound keeps B,
// the time from a look to the landing of what was decided on it, small on our side; what hangs
// inside one system call cannot be bounded by anyone.

#pragma once

#include <algorithm>

#include "seams/clock.hpp"

namespace ufl {

/// A look at a local file older than this is taken again before a rename or an unlink.
inline constexpr Duration kLocalLookAge = std::chrono::milliseconds{50};

/// Where create is atomic, looks are judged by no shorter delay than this: `-d 0` is about claims
/// there, and does not make the share faster.
inline constexpr Duration kShortestShareDelay = std::chrono::seconds{1};

/// So many looks in a row may be too old; then the share is taken for one that is always slow.
inline constexpr int kMaxLateLooks = 10;

/// What a look shows is surely newer than what this client wrote or saw before only if it is taken
/// so much later. On a share a view may be V old, and D > 2V + B + W with B >= W leaves V + W <
/// D/2; caches that are kept by the second ask for one at least.
constexpr Duration second_opinion(bool local, Duration delay) {
  return local ? Duration::zero() : std::max(delay / 2, Duration{std::chrono::seconds{1}});
}

/// The oldest look that a write or an unlink may rest on. Local: 50 ms. On a share a third of the
/// delay, which leaves two thirds for 2V + 2W (what is written lands up to W later: once in B, once
/// by itself); where create is atomic and D protects less, a third
/// of a second at least. D = 0 where create is not atomic protects nobody, whatever is said here.
constexpr Duration max_look_age(bool local, bool atomic_create, Duration delay) {
  if (local) return kLocalLookAge;
  const bool any_delay = atomic_create || delay <= Duration::zero();
  return (any_delay ? std::max(delay, kShortestShareDelay) : delay) / 3;
}

/// Is a look that showed our own token fresh enough to remove the file? A share that is always slow
/// must not keep a lock for ever: after kMaxLateLooks, a look no older than twice the fastest of
/// them will do. A stall at that very look, which would remove what somebody else has made since,
/// still counts as late.
class UnlinkLooks {
 public:
  enum class Verdict {
    fresh,     ///< remove it
    old,       ///< look again
    hopeless,  ///< no two looks take a similar time: leave it
  };

  /// Judge a look that is `age` old; the rest as for max_look_age(). Never hopeless where local:
  /// nobody else can have made the file there.
  Verdict judge(Duration age, bool local, bool atomic_create, Duration delay) {
    if (age <= max_look_age(local, atomic_create, delay)) return Verdict::fresh;
    if (late_ >= kMaxLateLooks && age <= 2 * fastest_) return Verdict::fresh;
    fastest_ = std::min(fastest_, age);
    if (++late_ < 3 * kMaxLateLooks) return Verdict::old;
    return local ? Verdict::fresh : Verdict::hopeless;
  }

 private:
  int late_ = 0;
  Duration fastest_ = Duration::max() / 2;
};

}  // namespace ufl

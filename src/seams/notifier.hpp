// SPDX-License-Identifier: MIT
//
// Seam: what the kernel of this host tells at once, where it would have to be asked again and again
// otherwise: that the lock file was removed, or changed (inotify(7)), that a process has ended
// (pidfd_open(2)). On a share it tells nothing of what other hosts do.
//
// It may refuse, and what it tells is a hint: it may be wrong, and may be missing. What happened
// before is not told.
//
// After each call of a handler the owner of the notifier wakes the machine (Driver::wake()).

#pragma once

#include <functional>

#include "seams/identity.hpp"

namespace ufl {

/// Tells of one lock file, and of one process.
class Notifier {
 public:
  Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  virtual ~Notifier() = default;

  /// Tell of each removal of the lock file, also by a rename, instead of what was told of it
  /// before. `goes_on`: more will be told. False: nothing will.
  [[nodiscard]] virtual bool watch_removal(std::function<void(bool goes_on)> on_removal) = 0;

  /// Tell of whatever may have changed the lock file, or put another in its place. False: nothing
  /// will be told.
  [[nodiscard]] virtual bool watch_changes(std::function<void()> on_change) = 0;

  /// Tell no more of the lock file. May be called more than once.
  virtual void forget_file() = 0;

  /// Tell, once, when this process has ended, instead of another one. False: it has ended already,
  /// or that will not be told.
  [[nodiscard]] virtual bool watch_process(const ProcessId& process,
                                           std::function<void()> on_end) = 0;

  /// Tell no more of a process. May be called more than once.
  virtual void forget_process() = 0;
};

}  // namespace ufl

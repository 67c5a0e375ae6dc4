// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "process/event_loop.hpp"
#include "sys/name_watch.hpp"

namespace ufl {

/// Calls back when something happens to a file name on a local file system.
class NameAlarm {
 public:
  /// Begin: `on_event` is called from `loop`, which must outlive this, until end(). False: the
  /// kernel refuses (sys/name_watch.hpp, or it has no descriptor); then it is never called.
  ///
  /// What happened before is not told: a waiter that has looked at the file must look once more
  /// now.
  [[nodiscard]] bool begin(EventLoop& loop, const std::string& path, NameEvents events,
                           std::function<void()> on_event);

  /// Is nothing more to be expected of it (NameWatch::is_over())? `on_event` has been called for
  /// that, and may begin() anew.
  [[nodiscard]] bool is_over() const { return name_ && name_->is_over(); }

  /// May be called by `on_event`, and more than once. The kernel's part of it lives on, as
  /// NameWatch::end() asks for, until drop().
  void end();
  void drop() { name_.reset(); }

 private:
  std::optional<NameWatch> name_;
  std::unique_ptr<Watch> watch_;
};

}  // namespace ufl

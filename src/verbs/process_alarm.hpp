// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <memory>

#include "process/event_loop.hpp"
#include "seams/identity.hpp"

namespace ufl {

/// Calls back when a process of this host has ended.
class ProcessAlarm {
 public:
  /// Begin: `on_end` is called once from `loop`, which must outlive this, unless end() comes before
  /// it. False: nobody will call, because it has ended already or cannot be watched
  /// (sys/process_info.hpp, open_process()).
  [[nodiscard]] bool begin(EventLoop& loop, const ProcessId& process, std::function<void()> on_end);

  /// May be called more than once.
  void end() { watch_.reset(); }

  [[nodiscard]] bool is_set() const { return watch_ != nullptr; }

 private:
  std::unique_ptr<Watch> watch_;
};

}  // namespace ufl

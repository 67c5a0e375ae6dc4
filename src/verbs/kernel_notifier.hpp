// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "process/event_loop.hpp"
#include "seams/clock.hpp"
#include "seams/notifier.hpp"
#include "seams/timer.hpp"
#include "verbs/name_alarm.hpp"
#include "verbs/process_alarm.hpp"

namespace ufl {

/// What the kernel of this host tells of one lock file, and of its holder.
///
/// All programs of a user share 128 inotify instances, as a rule: a crowd of ufls leaves some to
/// the others, and tells nothing then.
class KernelNotifier final : public Notifier {
 public:
  /// `wake` is called after each handler. `loop` must outlive this.
  KernelNotifier(EventLoop& loop, const Clock& clock, std::string path, std::function<void()> wake);

  bool watch_removal(std::function<void(bool goes_on)> on_removal) override;
  bool watch_changes(std::function<void()> on_change) override;
  void forget_file() override;
  bool watch_process(const ProcessId& process, std::function<void()> on_end) override;
  void forget_process() override { process_.end(); }

 private:
  [[nodiscard]] bool begin();
  void removed();
  void leave_some();
  void give_back();
  void tell(bool goes_on);

  EventLoop& loop_;
  const Clock& clock_;
  std::string path_;
  std::function<void()> wake_;
  NameAlarm file_;
  ProcessAlarm process_;
  std::unique_ptr<Timer> settling_;  // of a watch that lasts
  std::function<void(bool)> on_removal_;
};

}  // namespace ufl

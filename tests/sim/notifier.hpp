// SPDX-License-Identifier: MIT
//
// The notifier seam in a history: it may refuse, tells late, tells what was not, and may end.

#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "seams/notifier.hpp"
#include "sim/host.hpp"
#include "sim/process.hpp"
#include "sim/share.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// What the kernel tells one process of ufl, on a local file system.
class SimNotifier final : public Notifier {
 public:
  /// `host`: null: no process of it ever ends.
  SimNotifier(World& world, Share& share, Host* host, std::shared_ptr<const Process> process);

  /// The machine that is woken after each handler.
  void wakes(std::function<void()> wake) { wake_ = std::move(wake); }
  /// Refuse to tell of changes of a file that is held: a flaw.
  void tells_no_changes() { tells_no_changes_ = true; }

  /// It will refuse to tell of changes, or has: a holder looks at intervals then.
  [[nodiscard]] bool refuses_changes();
  /// Has it told that this holder has ended?
  [[nodiscard]] bool has_told_end_of(const Holder& holder) const {
    return told_ && holder.pid == told_->pid && holder.start == told_->start;
  }

  bool watch_removal(std::function<void(bool goes_on)> on_removal) override;
  bool watch_changes(std::function<void()> on_change) override;
  void forget_file() override;
  bool watch_process(const ProcessId& process, std::function<void()> on_end) override;
  void forget_process() override { watched_.reset(); }

 private:
  void soon(std::function<void()> action);
  void tell_removal(int watch, bool goes_on);
  void tell_end(const ProcessId& process);

  World& world_;
  Share& share_;
  Host* host_;
  std::shared_ptr<const Process> process_;
  std::function<void()> wake_ = [] {};
  std::function<void(bool)> on_removal_;
  std::function<void()> on_change_;
  std::function<void()> on_end_;
  std::optional<ProcessId> watched_;
  std::optional<ProcessId> told_;  // the last one whose end was told
  int watch_ = 0;                  // of the file: the number of the last one
  bool tells_no_changes_ = false;
  std::optional<bool> refuses_changes_;  // drawn once somebody asks
};

}  // namespace ufl::sim

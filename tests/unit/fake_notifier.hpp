// SPDX-License-Identifier: MIT

#pragma once

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "seams/notifier.hpp"

namespace ufl::test {

/// A kernel that tells what the test says.
class FakeNotifier final : public Notifier {
 public:
  bool watch_removal(std::function<void(bool)> on_removal) override {
    ++asked;
    if (!refuses) on_removal_ = std::move(on_removal);
    return !refuses;
  }
  bool watch_changes(std::function<void()> on_change) override {
    ++asked;
    if (!refuses) on_change_ = std::move(on_change);
    return !refuses;
  }
  void forget_file() override {
    on_removal_ = nullptr;
    on_change_ = nullptr;
  }
  bool watch_process(const ProcessId& id, std::function<void()> on_end) override {
    ++asked;
    if (refuses || ended.contains(id.pid)) return false;
    process = id;
    on_end_ = std::move(on_end);
    return true;
  }
  void forget_process() override { process.reset(); }

  [[nodiscard]] bool watches_file() const { return on_removal_ || on_change_; }

  /// The lock file is removed, or nothing more will be told of it.
  void tell_removal(bool goes_on = true) {
    const auto handler = on_removal_;
    if (!goes_on) on_removal_ = nullptr;
    handler(goes_on);
  }
  /// The lock file is changed.
  void tell_change() { on_change_(); }
  /// The process that is watched ends.
  void tell_end() {
    ended.insert(process->pid);
    process.reset();
    on_end_();
  }

  bool refuses = false;
  int asked = 0;
  std::optional<ProcessId> process;  ///< that is watched
  std::set<std::int64_t> ended;

 private:
  std::function<void(bool)> on_removal_;
  std::function<void()> on_change_;
  std::function<void()> on_end_;
};

}  // namespace ufl::test

// SPDX-License-Identifier: MIT

#include "sim/notifier.hpp"

#include <utility>

namespace ufl::sim {

namespace {

// Per mille.
constexpr unsigned kRefuses = 300;
constexpr unsigned kEnds = 50;
constexpr unsigned kIsWrong = 100;
constexpr unsigned kRefusesProcess = 100;

constexpr Duration kLongestWatch = std::chrono::seconds{1};  // of one that ends by itself

}  // namespace

SimNotifier::SimNotifier(World& world, Share& share, Host* host,
                         std::shared_ptr<const Process> process)
    : world_{world}, share_{share}, host_{host}, process_{std::move(process)} {
  share_.on_removal([this] {
    if (on_removal_) soon([this, watch = watch_] { tell_removal(watch, !world_.chance(kEnds)); });
  });
  share_.on_any_change([this] {
    if (!on_change_) return;
    soon([this, watch = watch_] {
      if (watch != watch_ || !on_change_) return;
      on_change_();
      wake_();
    });
  });
  if (host_ != nullptr) host_->on_end([this](const ProcessId& ended) { tell_end(ended); });
}

void SimNotifier::soon(std::function<void()> action) {
  when_running(world_, world_.now() + world_.some_of(3 * kTick), process_, std::move(action));
}

bool SimNotifier::watch_removal(std::function<void(bool)> on_removal) {
  forget_file();
  if (world_.chance(kRefuses)) return false;
  on_removal_ = std::move(on_removal);
  const auto tell_later = [this](bool goes_on) {
    when_running(world_, world_.now() + world_.some_of(kLongestWatch), process_,
                 [this, watch = watch_, goes_on] { tell_removal(watch, goes_on); });
  };
  if (world_.chance(kIsWrong)) tell_later(true);
  if (world_.chance(kEnds)) tell_later(false);
  return true;
}

void SimNotifier::tell_removal(int watch, bool goes_on) {
  if (watch != watch_ || !on_removal_) return;
  const auto handler = on_removal_;
  if (!goes_on) on_removal_ = nullptr;
  handler(goes_on);
  wake_();
}

bool SimNotifier::refuses_changes() {
  if (!refuses_changes_) refuses_changes_ = world_.chance(kRefuses);
  return *refuses_changes_;
}

bool SimNotifier::watch_changes(std::function<void()> on_change) {
  forget_file();
  if (tells_no_changes_ || refuses_changes()) return false;
  on_change_ = std::move(on_change);
  return true;
}

void SimNotifier::forget_file() {
  ++watch_;
  on_removal_ = nullptr;
  on_change_ = nullptr;
}

bool SimNotifier::watch_process(const ProcessId& process, std::function<void()> on_end) {
  forget_process();
  if (world_.chance(kRefusesProcess)) return false;
  if (host_ != nullptr && !host_->runs(process)) return false;
  watched_ = process;
  on_end_ = std::move(on_end);
  return true;
}

void SimNotifier::tell_end(const ProcessId& process) {
  if (watched_ != process) return;
  soon([this, process] {
    if (watched_ != process) return;
    told_ = std::exchange(watched_, std::nullopt);
    on_end_();
    wake_();
  });
}

}  // namespace ufl::sim

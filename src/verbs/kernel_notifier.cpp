// SPDX-License-Identifier: MIT

#include "verbs/kernel_notifier.hpp"

#include <chrono>
#include <utility>

#include "sys/inotify_spare.hpp"

namespace ufl {

namespace {

// How long a wait must last to be looked at, and how many inotify instances are left by it.
constexpr Duration kSettlesAfter = std::chrono::milliseconds{250};
constexpr int kLeftToOthers = 16;

// Of the inotify instances that a user can have, those that hold a lock leave fewer.
constexpr int kLeftByHolders = 4;

}  // namespace

KernelNotifier::KernelNotifier(EventLoop& loop, const Clock& clock, std::string path,
                               std::function<void()> wake)
    : loop_{loop}, clock_{clock}, path_{std::move(path)}, wake_{std::move(wake)} {}

bool KernelNotifier::watch_removal(std::function<void(bool)> on_removal) {
  on_removal_ = std::move(on_removal);
  return begin();
}

bool KernelNotifier::begin() {
  if (!file_.begin(loop_, path_, NameEvents::removal, [this] { removed(); })) return false;
  if (!settling_) settling_ = loop_.make_timer();
  settling_->at(clock_.now() + kSettlesAfter, [this] { leave_some(); });
  return true;
}

// If the directory has gone, the path may lead to another one by now.
void KernelNotifier::removed() { tell(!file_.is_over() || begin()); }

// Not asked at once: most waits are over by then, and it may take milliseconds.
void KernelNotifier::leave_some() {
  if (inotify_is_spare(kLeftToOthers)) return;
  give_back();
  tell(false);
}

void KernelNotifier::tell(bool goes_on) {
  on_removal_(goes_on);
  wake_();
}

// What waiting has needed is given back to the kernel, too.
bool KernelNotifier::watch_changes(std::function<void()> on_change) {
  forget_file();
  const auto changed = [this, on_change = std::move(on_change)] {
    on_change();
    wake_();
  };
  const bool begun = file_.begin(loop_, path_, NameEvents::any, changed);
  if (begun && inotify_is_spare(kLeftByHolders)) return true;
  give_back();
  return false;
}

void KernelNotifier::forget_file() {
  if (settling_) settling_->cancel_timer();
  file_.end();
}

void KernelNotifier::give_back() {
  forget_file();
  file_.drop();
}

bool KernelNotifier::watch_process(const ProcessId& process, std::function<void()> on_end) {
  return process_.begin(loop_, process, [this, on_end = std::move(on_end)] {
    on_end();
    wake_();
  });
}

}  // namespace ufl

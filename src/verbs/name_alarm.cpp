// SPDX-License-Identifier: MIT

#include "verbs/name_alarm.hpp"

#include <system_error>
#include <utility>

namespace ufl {

bool NameAlarm::begin(EventLoop& loop, const std::string& path, NameEvents events,
                      std::function<void()> on_event) {
  watch_.reset();  // of another directory, when begun anew
  name_ = NameWatch::on(path, events);
  if (!name_) return false;
  try {
    watch_ = loop.watch(name_->fd(), [this, on_event = std::move(on_event)] {
      if (name_->drain()) on_event();
    });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void NameAlarm::end() {
  if (!watch_) return;
  watch_.reset();
  name_->end();
}

}  // namespace ufl

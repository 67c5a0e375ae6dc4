// SPDX-License-Identifier: MIT

#include "protocol/driver.hpp"

#include <utility>
#include <variant>

#include "protocol/assert.hpp"

namespace ufl {

Driver::Driver(Machine& machine, FileSystem& files, Timer& timer, DriverEvents events)
    : machine_{machine}, files_{files}, timer_{timer}, events_{std::move(events)} {}

void Driver::start() { pump(machine_.start()); }

void Driver::cancel() {
  cancel_wanted_ = true;
  if (!std::exchange(waiting_, false)) return;
  timer_.cancel_timer();
  pump(machine_.cancel());
}

void Driver::wake() {
  if (!std::exchange(waiting_, false)) return;
  timer_.cancel_timer();
  pump(machine_.resume());
}

void Driver::pump(Step step) {
  for (;;) {
    if (const auto* operation = std::get_if<FileOperation>(&step)) {
      const auto reply = perform(*operation);
      if (!reply) return;  // it comes later, through pump()
      step = machine_.on_reply(*reply);
    } else if (const auto* wait = std::get_if<WaitUntil>(&step)) {
      if (std::exchange(cancel_wanted_, false)) {
        step = machine_.cancel();
        continue;
      }
      waiting_ = true;
      if (wait->at != Mono::max()) {
        timer_.at(wait->at, [this] {
          waiting_ = false;
          pump(machine_.resume());
        });
      }
      events_.on_wait();
      // Not if it was woken by either.
      if (!machine_.on_wait() || !std::exchange(waiting_, false)) return;
      timer_.cancel_timer();
      step = machine_.resume();
    } else if (std::holds_alternative<LooksFree>(step)) {
      const bool go_ahead = !std::exchange(cancel_wanted_, false) && events_.on_looks_free();
      step = go_ahead ? machine_.resume() : machine_.cancel();
    } else if (std::holds_alternative<Acquired>(step)) {
      cancel_wanted_ = false;  // too late: the owner knows, and answers for it
      auto next = events_.on_acquired();
      if (!next) return;
      step = std::move(*next);
    } else {
      events_.on_finished();
      return;
    }
  }
}

std::optional<FileReply> Driver::perform(const FileOperation& operation) {
  UFL_ASSERT(!starting_operation_ && !inline_reply_);
  starting_operation_ = true;
  files_.start(operation, [this](FileReply reply) {
    if (starting_operation_) {
      inline_reply_ = std::move(reply);
    } else {
      pump(machine_.on_reply(reply));
    }
  });
  starting_operation_ = false;
  return std::exchange(inline_reply_, std::nullopt);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "protocol/holding.hpp"

#include <chrono>
#include <utility>
#include <variant>

namespace ufl {

namespace {

// Most commands have ended by then, and need nobody who tells them of changes of the lock file.
constexpr Duration kSettlesAfter = std::chrono::seconds{1};

}  // namespace

Holding::Holding(KeepOptions keep, bool kills, Duration kill_after, const HoldingWorld& world,
                 HoldingEvents events)
    : world_{world},
      events_{std::move(events)},
      is_local_{keep.local},
      keep_{std::move(keep), world.clock},
      section_{kills,
               kill_after,
               world.clock,
               world.command,
               world.deadline,
               {.on_start =
                    [this] {
                      world_.settling.at(world_.clock.now() + kSettlesAfter,
                                         [this] { watch_file(); });
                    },
                .on_lost = [this](CommandFate fate) { events_.on_lost(fate); },
                .on_change = [this] { section_changed(); }}} {}

bool Holding::begin() {
  if (section_.begin(keep_.lease())) return true;
  world_.command.abandon();
  return false;
}

Step Holding::on_reply(const FileReply& reply) {
  waits_for_reply_ = false;
  return follow(keep_.on_reply(reply));
}

Step Holding::resume() {
  if (keep_ended_ || section_.is_over()) return after_section();
  return follow(section_.wants_keep_to_end() ? keep_.cancel() : keep_.resume());
}

// The lock is kept so far.
bool Holding::on_wait() {
  if (keep_ended_) return false;
  section_.kept(keep_.lease(), keep_.is_recorded());
  if (keep_.restored() > 0 && !std::exchange(told_restored_, true)) events_.on_restored();
  return section_.wants_keep_to_end();
}

Step Holding::follow(Step step) {
  const bool waits = std::holds_alternative<WaitUntil>(step);
  if (waits && section_.wants_keep_to_end()) step = keep_.cancel();
  waits_for_reply_ = std::holds_alternative<FileOperation>(step);
  if (!std::holds_alternative<Finished>(step)) return step;
  keep_ended_ = true;
  section_.keep_ended(keep_.result().outcome);
  return after_section();
}

// Until it is over the command is being stopped, or runs on without its lock.
Step Holding::after_section() const {
  if (!section_.is_over()) return WaitUntil{Mono::max()};
  world_.settling.cancel_timer();
  return Finished{};
}

// On a share nothing is told: the interval is there, or the refreshes are.
void Holding::watch_file() {
  if (world_.notifier == nullptr || !is_local_) return;
  if (!world_.notifier->watch_changes([this] { look_soon(); })) return;
  look_soon();
  events_.on_wake();
}

void Holding::look_soon() {
  if (!keep_ended_) keep_.look_soon();
}

void Holding::section_changed() {
  const bool hangs = section_.is_over() && waits_for_reply_;
  hangs ? events_.on_over() : events_.on_wake();
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sim/session_player.hpp"

#include <utility>

#include "sim/double.hpp"

namespace ufl::sim {

SessionPlayer::SessionPlayer(World& world, int who, SessionOptions options,
                             const SessionWorld& around, SessionEvents session_events)
    : world_{world}, who_{who}, session_{std::move(options), around, std::move(session_events)} {}

SessionPlayer::~SessionPlayer() = default;

void SessionPlayer::before_claim(std::unique_ptr<Double> claim) { claim_ = std::move(claim); }

void SessionPlayer::before_keep(std::unique_ptr<Double> keep) { keep_ = std::move(keep); }

void SessionPlayer::before_release(std::unique_ptr<Double> release) {
  release_ = std::move(release);
}

void SessionPlayer::start(FileSystem& files, Timer& timer, DriverEvents events) {
  driver_ = std::make_unique<Driver>(static_cast<Machine&>(*this), files, timer, std::move(events));
  driver_->start();
}

Step SessionPlayer::noted(Step step) {
  Double* at_work = before_session();
  return recorded(at_work != nullptr ? at_work->noted(std::move(step)) : std::move(step));
}

Step SessionPlayer::start() { return recorded(in_front().start()); }

Step SessionPlayer::on_reply(const FileReply& reply) {
  return recorded(in_front().on_reply(reply));
}

Step SessionPlayer::resume() {
  session_.wake();
  return recorded(in_front().resume());
}

Step SessionPlayer::cancel() { return recorded(in_front().cancel()); }

bool SessionPlayer::on_wait() {
  record(world_, who_, wait_);
  return session_.on_wait();
}

Double* SessionPlayer::before_session() {
  switch (session_.stage()) {
    case Session::Stage::claiming:
      return claim_.get();
    case Session::Stage::keeping:
      return keep_.get();
    case Session::Stage::releasing:
      return release_.get();
    case Session::Stage::deciding:
    case Session::Stage::over:
      break;
  }
  return nullptr;
}

Machine& SessionPlayer::in_front() {
  Double* at_work = before_session();
  return at_work != nullptr ? static_cast<Machine&>(*at_work) : session_;
}

Step SessionPlayer::recorded(Step step) {
  record(world_, who_, step);
  if (const auto* wait = std::get_if<WaitUntil>(&step)) wait_ = wait->at;
  const auto once = [](bool& is_done) { return !std::exchange(is_done, true); };
  if (session_.stage() != Session::Stage::claiming && once(claim_is_recorded_)) {
    record(world_, who_, session_.claim().result());
  }
  if (session_.holding() && session_.holding()->keep_has_ended() && once(keep_is_recorded_)) {
    record(world_, who_, session_.holding()->kept());
  }
  const auto& release = session_.release();
  if (session_.stage() == Session::Stage::over && release && once(release_is_recorded_)) {
    record(world_, who_, release->result());
  }
  return step;
}

}  // namespace ufl::sim

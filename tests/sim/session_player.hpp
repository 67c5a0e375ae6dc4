// SPDX-License-Identifier: MIT

#pragma once

#include <memory>
#include <utility>

#include "protocol/driver.hpp"
#include "protocol/session.hpp"
#include "seams/file_system.hpp"
#include "seams/timer.hpp"
#include "sim/recorder.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

class Double;

/// One session of ufl in a history: the shipped one, with the doubles of a mutant before it, if
/// there are any, and each of its steps in the digest of the history.
class SessionPlayer final : private Machine {
 public:
  /// `who`: the contender whose session it is.
  SessionPlayer(World& world, int who, SessionOptions options, const SessionWorld& around,
                SessionEvents session_events);
  SessionPlayer(const SessionPlayer&) = delete;
  SessionPlayer& operator=(const SessionPlayer&) = delete;
  ~SessionPlayer() override;

  [[nodiscard]] Session& session() { return session_; }
  [[nodiscard]] const Session& session() const { return session_; }

  /// What stands before the session while it claims, keeps, releases; null: nothing.
  void before_claim(std::unique_ptr<Double> claim);
  void before_keep(std::unique_ptr<Double> keep);
  void before_release(std::unique_ptr<Double> release);

  /// Call once.
  void start(FileSystem& files, Timer& timer, DriverEvents events);
  void stop() { driver_->cancel(); }
  void wake() { driver_->wake(); }

  /// The session has answered with this step: what is to be done for it.
  [[nodiscard]] Step noted(Step step);
  /// And that is done.
  void go_on(Step step) { driver_->go_on(noted(std::move(step))); }

 private:
  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;
  [[nodiscard]] Step cancel() override;
  bool on_wait() override;

  [[nodiscard]] Double* before_session();
  [[nodiscard]] Machine& in_front();
  Step recorded(Step step);

  World& world_;
  int who_;
  Session session_;
  std::unique_ptr<Double> claim_;
  std::unique_ptr<Double> keep_;
  std::unique_ptr<Double> release_;
  std::unique_ptr<Driver> driver_;
  Mono wait_{};
  bool claim_is_recorded_ = false;
  bool keep_is_recorded_ = false;
  bool release_is_recorded_ = false;
};

}  // namespace ufl::sim

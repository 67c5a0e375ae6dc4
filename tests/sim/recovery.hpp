// SPDX-License-Identifier: MIT
//
// Histories about holders who are gone: hosts with processes that are killed, stopped, suspended,
// started anew; commands that outlive the ufl that has started them; locks with a lease, and
// scripts that refresh one; contenders who take over what is proven dead, or abandoned. Made of the
// shipped claim, keep, refresh, release, driver and judge.

#pragma once

#include <memory>

#include "sim/drawing.hpp"
#include "sim/history.hpp"

namespace ufl::sim {

/// The players of one such history.
class Recovery {
 public:
  Recovery(const Setup& setup, World& world);
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;
  ~Recovery();

  [[nodiscard]] Monitor& monitor();

 private:
  struct Scene;
  std::unique_ptr<Scene> scene_;
};

/// Is it a family of this kind?
[[nodiscard]] constexpr bool is_recovery(Family family) {
  return family == Family::recovery_local || family == Family::recovery_share ||
         family == Family::late_noticed || family == Family::leases_kept;
}

/// What is promised of `setup`, and what cannot be promised is not drawn.
void settle_recovery(Setup& setup);

/// The setup of a history of this kind, on a local file system or on a share, of which seed and
/// family are said, and the share is drawn.
void draw_recovery_local(Drawing& draw, Setup& setup);
void draw_recovery_share(Drawing& draw, Setup& setup);
void draw_late_noticed(Drawing& draw, Setup& setup);
void draw_leases_kept(Drawing& draw, Setup& setup);

}  // namespace ufl::sim

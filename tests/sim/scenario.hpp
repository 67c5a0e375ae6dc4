// SPDX-License-Identifier: MIT
//
// A share with one path, for the faults that the simulator has found, each as the one interleaving
// that shows it: two or three shipped machines, and a script that says who does what, and who sees
// what.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "protocol/claim.hpp"
#include "protocol/release.hpp"
#include "unit/support.hpp"

namespace ufl::test {

/// A share with one path, where every operation is done by hand.
class Scenario : public ::testing::Test {
 protected:
  struct Player {
    std::unique_ptr<Claim> claim;
    Step step;
  };

  static ClaimOptions share(bool atomic) {
    ClaimOptions options;
    options.path = "lock";
    options.delay = seconds{1};
    options.retry.interval = milliseconds{100};
    options.atomic_create = atomic;
    return options;
  }

  Player player(const ClaimOptions& options) {
    auto claim = std::make_unique<Claim>(options, clock_, identity_);
    Step step = claim->start();
    return {std::move(claim), std::move(step)};
  }

  [[nodiscard]] FileReply truth() const {
    return file_ ? ok(*file_) : refused(FileStatus::not_found, ENOENT);
  }

  /// The look of `player` shows `view`, which may be an old one.
  static void sees(Player& player, const FileReply& view) {
    ASSERT_NE(wants<ReadFile>(player.step), nullptr);
    player.step = player.claim->on_reply(view);
    if (std::holds_alternative<LooksFree>(player.step)) player.step = player.claim->resume();
  }
  void sees_truth(Player& player) { sees(player, truth()); }

  /// What `player` writes lands; it is not told yet.
  void lands(const Player& player) {
    const auto* create = wants<CreateExclusive>(player.step);
    ASSERT_NE(create, nullptr);
    file_ = create->content;
  }
  static void is_told(Player& player, const FileReply& reply) {
    player.step = player.claim->on_reply(reply);
  }
  void removes(Player& player) {
    ASSERT_NE(wants<RemoveFile>(player.step), nullptr);
    file_.reset();
    player.step = player.claim->on_reply(ok());
  }

  /// What `player` removes, or renames over the lock, lands, if it may; and it is told.
  [[nodiscard]] FileReply done(const Step& step) {
    const auto* remove = wants<RemoveFile>(step);
    const auto* replace = wants<ReplaceFile>(step);
    EXPECT_TRUE(remove != nullptr || replace != nullptr);
    if (remove == nullptr && replace == nullptr) return refused(FileStatus::failed, 0);
    const OnlyIf& only_if = remove != nullptr ? remove->only_if : replace->only_if;
    if (!file_) return truth();
    if (only_if && only_if != file_) return refused(FileStatus::changed, 0);
    file_ = remove != nullptr ? std::nullopt : temporary_;
    return ok();
  }

  /// One who takes the lock over from kGone.
  static ClaimOptions taker(ClaimOptions options) {
    options.timeout = Duration::zero();
    options.takeovers.delay = seconds{1};
    options.takeovers.may_take_over = [](const Sighting& seen, bool) {
      return kGone.starts_with(seen.token);
    };
    return options;
  }
  static ClaimOptions local() {
    ClaimOptions options = share(true);
    options.delay = {};
    options.local = true;
    return options;
  }
  /// `player` looks, and writes its temporary file; it wants its second look.
  void prepares(Player& player) {
    sees_truth(player);
    const auto* create = wants<CreateExclusive>(player.step);
    ASSERT_NE(create, nullptr);
    temporary_ = create->content;
    is_told(player, ok());
  }
  Release release_of_the_gone(bool local) {
    return {{.path = "lock",
             .token = kGone.substr(0, 36),
             .delay = milliseconds{300},
             .local = local,
             .atomic_create = local,
             .place = {}},
            clock_};
  }

  inline static const std::string kGone =
      "11111111-1111-4111-8111-111111111111\n{\"mount\":\"local\"}\n";

  /// Time passes until `player` wants to go on, and it does.
  void waits(Player& player) {
    const auto* until = std::get_if<WaitUntil>(&player.step);
    ASSERT_NE(until, nullptr);
    clock_.set(std::max(clock_.now(), until->at));
    player.step = player.claim->resume();
  }
  void passes(Duration time) { clock_.advance(time); }

  static bool holds(const Player& player) {
    const auto acquired = ClaimResult::Outcome::acquired;
    return finished(player.step) && player.claim->result().outcome == acquired;
  }

  FakeClock clock_;
  FakeIdentity identity_;
  std::optional<std::string> file_;
  std::optional<std::string> temporary_;  // of the one who takes over
};

inline const FileReply kAbsent = refused(FileStatus::not_found, ENOENT);

}  // namespace ufl::test

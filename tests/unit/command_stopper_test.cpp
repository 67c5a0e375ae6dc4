// SPDX-License-Identifier: MIT

#include "verbs/command_stopper.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "process/process_tree.hpp"
#include "sys/kernel_signs.hpp"
#include "unit/child_processes.hpp"

namespace ufl::test {
namespace {

using std::chrono::seconds;

/// A clock that goes on when it is told to, and the one timer on it.
class Later final : public Clock, public Timer {
 public:
  [[nodiscard]] Mono now() const override { return now_; }
  [[nodiscard]] Wall wall() const override { return {}; }
  void at(Mono when, std::function<void()> handler) override {
    when_ = when;
    handler_ = std::move(handler);
  }
  void cancel_timer() override { handler_ = nullptr; }

  void pass(Duration time) { now_ += time; }
  void ring() {
    now_ = std::max(now_, when_);
    std::exchange(handler_, nullptr)();
  }

 private:
  Mono now_{seconds{1000}};
  Mono when_{};
  std::function<void()> handler_;
};

/// Somebody wakes who has slept for longer than all patience beyond the time to kill.
TEST(CommandStopperTest, PatienceBeginsWithTheKill) {
  in_own_process([] {
    KernelSigns host;
    Later later;
    ProcessTree tree{host, {}};
    const pid_t command = start_bound_process([] {
      for (;;) ::pause();
    });
    tree.set_command({command, {}});
    bool done = false;
    CommandStopper fence{tree, later, later};
    fence.begin(later.now() - seconds{10}, true, [&done] { done = true; });
    EXPECT_FALSE(done) << "nobody has looked whether it has ended";
    EXPECT_EQ(::waitpid(command, nullptr, 0), command);
    fence.command_ended();
    later.ring();
    EXPECT_TRUE(done);
    EXPECT_TRUE(fence.survivors().empty());
  });
}

/// And it ends: the command is never reported to have ended.
TEST(CommandStopperTest, PatienceIsNotForEver) {
  in_own_process([] {
    KernelSigns host;
    Later later;
    ProcessTree tree{host, {}};
    bool done = false;
    CommandStopper fence{tree, later, later};
    fence.begin(later.now() + seconds{10}, true, [&done] { done = true; });
    later.pass(seconds{20});
    later.ring();
    EXPECT_FALSE(done);
    later.pass(seconds{3});
    later.ring();
    EXPECT_TRUE(done);
  });
}

}  // namespace
}  // namespace ufl::test

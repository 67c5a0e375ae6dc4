// SPDX-License-Identifier: MIT

#include "protocol/driver.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unit/support.hpp"

namespace ufl::test {
namespace {

/// Does what it is told to, and writes down what is done with it.
class ScriptedMachine final : public Machine {
 public:
  explicit ScriptedMachine(std::vector<Step> script) : script_{std::move(script)} {}

  [[nodiscard]] Step start() override { return next("start"); }
  [[nodiscard]] Step on_reply(const FileReply& /*reply*/) override { return next("reply"); }
  [[nodiscard]] Step resume() override { return next("resume"); }
  [[nodiscard]] Step cancel() override { return next("cancel"); }

  std::vector<std::string> calls;

 private:
  Step next(std::string call) {
    calls.push_back(std::move(call));
    EXPECT_LE(calls.size(), script_.size());
    return calls.size() <= script_.size() ? script_[calls.size() - 1] : Step{Finished{}};
  }

  std::vector<Step> script_;
};

class ManualTimer final : public Timer {
 public:
  void at(Mono when, std::function<void()> handler) override {
    until = when;
    handler_ = std::move(handler);
  }
  void cancel_timer() override { handler_ = nullptr; }
  void fire() {
    if (auto handler = std::exchange(handler_, nullptr)) handler();
  }
  [[nodiscard]] bool is_set() const { return handler_ != nullptr; }

  Mono until{};

 private:
  std::function<void()> handler_;
};

class ManualFiles final : public FileSystem {
 public:
  void start(const FileOperation& /*operation*/, Done done) override { done_ = std::move(done); }
  void answer() { std::exchange(done_, nullptr)(ok()); }

 private:
  Done done_;
};

const Step kRead = FileOperation{ReadFile{"lock", 1}};
const Step kWait = WaitUntil{Mono{seconds{5}}};
const Step kEnd = Finished{};
using Calls = std::vector<std::string>;

class DriverTest : public ::testing::Test {
 protected:
  void run(std::vector<Step> script) {
    machine_.emplace(std::move(script));
    driver_.emplace(*machine_, files_, timer_,
                    DriverEvents{.on_wait = [this] { ++waits_; },
                                 .on_finished = [this] { is_finished_ = true; }});
    driver_->start();
  }

  ManualFiles files_;
  ManualTimer timer_;
  std::optional<ScriptedMachine> machine_;
  std::optional<Driver> driver_;
  int waits_ = 0;
  bool is_finished_ = false;
};

TEST_F(DriverTest, WakesAMachineThatWaits) {
  run({kWait, kRead, kEnd});
  EXPECT_EQ(timer_.until, Mono{seconds{5}});
  driver_->wake();
  driver_->wake();
  EXPECT_EQ(machine_->calls, (Calls{"start", "resume"})) << "once, until it waits again";
  EXPECT_FALSE(timer_.is_set()) << "it would be resumed a second time";
  files_.answer();
  EXPECT_TRUE(is_finished_);
}

TEST_F(DriverTest, AMachineThatIsWokenTooEarlyWaitsOn) {
  run({kWait, kWait, kEnd});
  driver_->wake();
  EXPECT_TRUE(timer_.is_set());
  EXPECT_EQ(waits_, 2);
  timer_.fire();
  EXPECT_TRUE(is_finished_);
}

TEST_F(DriverTest, DoesNotWakeAMachineWhoseOperationIsUnderWay) {
  run({kRead, kWait, kEnd});
  driver_->wake();
  EXPECT_EQ(machine_->calls, Calls{"start"});
  files_.answer();
  EXPECT_EQ(machine_->calls, (Calls{"start", "reply"}));
  EXPECT_TRUE(timer_.is_set()) << "it is the machine that remembers (Keep::look_soon())";
}

TEST_F(DriverTest, DoesNotWakeWhatHasEndedOrNotBegun) {
  run({kWait, kEnd});
  timer_.fire();
  ASSERT_TRUE(is_finished_);
  driver_->wake();
  EXPECT_EQ(machine_->calls, (Calls{"start", "resume"}));

  ScriptedMachine idle{{}};
  Driver driver{idle, files_, timer_, {}};
  driver.wake();
  EXPECT_TRUE(idle.calls.empty());
}

TEST_F(DriverTest, ACancelDuringAnOperationComesAfterItAlsoWhenItIsWoken) {
  run({kRead, kWait, kEnd});
  driver_->cancel();
  driver_->wake();
  EXPECT_EQ(machine_->calls, Calls{"start"});
  files_.answer();
  EXPECT_EQ(machine_->calls, (Calls{"start", "reply", "cancel"}));
  EXPECT_TRUE(is_finished_);
}

TEST_F(DriverTest, ACancelThatIsWaitedOutIsNotForgotten) {
  run({kWait, kRead, kWait, kEnd});
  driver_->cancel();
  EXPECT_EQ(machine_->calls, (Calls{"start", "cancel"}));
  files_.answer();
  EXPECT_EQ(machine_->calls.size(), 4U);
  EXPECT_EQ(machine_->calls.back(), "cancel");
  EXPECT_TRUE(is_finished_);
}

}  // namespace
}  // namespace ufl::test

// SPDX-License-Identifier: MIT

#include "report/status_text.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "report/run_report.hpp"
#include "report/text.hpp"
#include "unit/records.hpp"

namespace ufl {
namespace {

using State = InspectResult::State;
using namespace std::chrono_literals;

using test::kNow;

LockStatus held() {
  LockStatus lock;
  lock.path = "deploy.lock";
  lock.look.state = State::held;
  lock.look.seen = test::alices_record();
  lock.look.seen.holder.delay = 0.25;
  lock.life = Life::alive;
  return lock;
}

std::vector<std::string> keys_of(const std::string& json) {
  std::vector<std::string> keys;
  const auto value = boost::json::parse(boost::json::string_view{json});
  for (const auto& member : value.as_object()) keys.emplace_back(member.key());
  return keys;
}

TEST(StatusText, AlignsWhatIsKnown) {
  EXPECT_EQ(status_text(held(), kNow, false),
            "deploy.lock: held\n"
            "  by        alice@build-3, pid 4242\n"
            "  command   rsync -a x y\n"
            "  held for  2m43s, since 2026-11-23T13:57:17Z\n"
            "  delay     0.25s\n"
            "  lease     none\n"
            "  check     its process runs on this host, or what it has started\n"
            "  token     ci-1\n"
            "  next      wait for it: ufl -w 10m deploy.lock COMMAND\n");
}

TEST(StatusText, ColoursTheStateAlone) {
  LockStatus lock;
  lock.path = "l";
  lock.look.state = State::free;
  EXPECT_EQ(status_text(lock, kNow, false), "l: free\n");
  EXPECT_EQ(status_text(lock, kNow, true), "l: \x1b[32mfree\x1b[0m\n");
}

TEST(StatusText, SaysWhyItCannotTell) {
  LockStatus lock;
  lock.path = "l";
  lock.look.failure.reply.error = EACCES;
  lock.look.failure.operation = ReadFile{};
  const std::string text = status_text(lock, kNow, false);
  EXPECT_NE(text.find("l: cannot tell\n"), std::string::npos);
  EXPECT_NE(text.find("  why       cannot read it: Permission denied"), std::string::npos);
}

TEST(StatusText, ADeadHolderIsNoHindrance) {
  LockStatus lock = held();
  lock.life = Life::dead;
  const std::string text = status_text(lock, kNow, false);
  EXPECT_NE(text.find("  check     the holder is dead: free for the next ufl on this host\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  next      take it: ufl deploy.lock COMMAND\n"), std::string::npos) << text;
  const auto value = boost::json::parse(boost::json::string_view{status_json(lock, kNow)});
  EXPECT_EQ(value.at("check").as_string(), "dead");
}

TEST(StatusText, TellsTheLeaseAndWhatComesOfIt) {
  LockStatus lock = held();
  lock.life = Life::other_host;
  lock.look.seen.holder.lease = 2.5;
  lock.look.seen.holder.heartbeat = "0";
  const std::string text = status_text(lock, kNow, false);
  EXPECT_NE(text.find("  lease     2.5s\n"), std::string::npos) << text;
  EXPECT_NE(text.find("when it is not refreshed for 2.5s\n"), std::string::npos) << text;
}

TEST(StatusText, TellsHowToRemoveWhatWasLeft) {
  LockStatus lock;
  lock.path = "a b/l";
  lock.look.state = State::free;
  lock.stale_temporaries = {".ufl-1", ".ufl-\n"};
  EXPECT_EQ(status_text(lock, kNow, false),
            "a b/l: free\n"
            "  litter    left over, may be removed (and 1 more): rm 'a b/.ufl-1'\n")
      << "no shell would read a line break at the end";
  lock.path = "l";
  lock.stale_temporaries.assign(12, ".ufl-1");
  const std::string text = status_text(lock, kNow, false);
  EXPECT_NE(text.find(" (and 2 more): rm .ufl-1 .ufl-1"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(" .ufl-1\n")) << text;
}

TEST(StatusText, AnEmptyFileIsTakenOverOnALocalDiskAlone) {
  LockStatus lock;
  lock.path = "l";
  lock.look.state = State::unknown_holder;
  lock.look.seen.kind = Sighting::Kind::empty;
  EXPECT_NE(status_text(lock, kNow, false).find(": rm l\n"), std::string::npos);
  lock.local = true;
  EXPECT_NE(status_text(lock, kNow, false).find("taken over by itself"), std::string::npos);
}

TEST(StatusText, AClockThatIsAheadGivesNoAge) {
  LockStatus lock = held();
  lock.look.seen.holder.since = "2026-11-23T14:00:01Z";
  EXPECT_NE(status_text(lock, kNow, false).find("since 2026-11-23T14:00:01Z by the holder's clock"),
            std::string::npos);
}

TEST(StatusJson, HasTheSameKeysForEveryState) {
  const auto keys = keys_of(status_json(held(), kNow));
  for (const State state : {State::free, State::unknown_holder, State::cannot_tell}) {
    LockStatus lock;
    lock.look.state = state;
    EXPECT_EQ(keys_of(status_json(lock, kNow)), keys);
  }
}

TEST(StatusJson, IsValidWhateverTheLockFileHolds) {
  LockStatus lock = held();
  const std::string path =
      "\n\x7f \xc2\x9b \xe2\x80\xae \xe2\x81\xa6 \xe2\x81\xa9 \xe2\x80\xac \u6f22";  // closed again
  lock.path = path + "\xff";
  lock.look.seen.token = "\xff\x1b";
  lock.look.seen.holder.user = "a\"\\\n\x1b";
  lock.look.seen.holder.delay = 1e308;
  lock.look.seen.holder.lease = -1e308;
  const std::string json = status_json(lock, kNow);
  const auto value = boost::json::parse(boost::json::string_view{json});
  EXPECT_EQ(value.at("token").as_string(), "\\xff\\x1b");
  EXPECT_EQ(value.at("lock").as_string(), path + "\\xff");
  EXPECT_EQ(value.at("user").as_string(), "a\"\\\\x0a\\x1b");
  EXPECT_FALSE(status_text(lock, kNow, false).empty());
}

TEST(StatusJson, NamesWhatWasLeftInAnArray) {
  LockStatus lock = held();
  EXPECT_TRUE(status_json(lock, kNow)
                  .ends_with(R"("litter":[]})"
                             "\n"));
  lock.stale_temporaries = {".ufl-1", ".ufl-\xff\"\x1b"};
  const auto value = boost::json::parse(boost::json::string_view{status_json(lock, kNow)});
  ASSERT_EQ(value.at("litter").as_array().size(), 2U);
  EXPECT_EQ(value.at("litter").at(0).as_string(), ".ufl-1");
  EXPECT_EQ(value.at("litter").at(1).as_string(), ".ufl-\\xff\"\\x1b");
}

TEST(RunReportJson, SaysWhatBecameOfIt) {
  RunReport report;
  report.kind = RunReport::Kind::acquired;
  report.lock = "l";
  report.token = "t";
  report.waited = 1234567us;
  report.held = 2s;
  report.exit = 0;
  EXPECT_EQ(run_report_json(report),
            R"({"lock":"l","token":"t","outcome":"acquired","status":0,"exit":0,"signal":null,)"
            R"("waited":1.235,"held":2,"released":null,"holder":null})"
            "\n");
  RunReport other;
  other.kind = RunReport::Kind::not_acquired;
  other.holder = held().look.seen;
  const auto value = boost::json::parse(boost::json::string_view{run_report_json(other)});
  EXPECT_EQ(value.at("holder").at("user").as_string(), "alice");
  EXPECT_TRUE(value.at("exit").is_null());
}

}  // namespace
}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "protocol/record.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>

#include "protocol/token.hpp"
#include "protocol/utc.hpp"

namespace ufl {
namespace {

using Kind = Sighting::Kind;

const std::string kUuid = "8f14e45f-ceea-467f-a8f9-0123456789ab";

const std::string kRoomForChild = "\"child\":null" + std::string(43, ' ');

Holder full_holder() {
  Holder holder;
  holder.host = "build-3";
  holder.machine = "3a8b8cea8d37537381d56916948ae29b";
  holder.boot = "10eb4156-46ee-4f3a-b3d5-7b39e9418780";
  holder.netns = 4026531833;
  holder.pidns = 4026531836;
  holder.timens = 4026531834;
  holder.pid = 4242;
  holder.start = 187177;
  holder.uid = 1000;
  holder.user = "alice";
  holder.since = "2026-11-23T14:01:31Z";
  holder.mount = kLocalMount;
  holder.delay = 0.2;
  holder.command = "rsync -a 'my dir' host:";
  return holder;
}

TEST(Token, IsStripped) {
  EXPECT_EQ(strip(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(strip(" \n"), "");
  EXPECT_EQ(make_token(" ci-", kUuid), "ci-" + kUuid);
}

TEST(Token, EndsInAUuid) {
  EXPECT_TRUE(ends_in_uuid(kUuid));
  EXPECT_TRUE(ends_in_uuid("host-" + kUuid));
  EXPECT_TRUE(ends_in_uuid("8F14E45F-CEEA-467F-A8F9-0123456789AB"));
  EXPECT_FALSE(ends_in_uuid(kUuid + "x"));
  EXPECT_FALSE(ends_in_uuid(kUuid.substr(1)));
  EXPECT_FALSE(ends_in_uuid("8f14e45f-ceea-467f-a8f9-0123456789ag"));
  EXPECT_FALSE(ends_in_uuid(""));
}

TEST(Token, TornUuidHasItsFirstDash) {
  EXPECT_TRUE(ends_in_torn_uuid("8f14e45f-"));
  EXPECT_TRUE(ends_in_torn_uuid("ci-8f14e45f-ceea-46"));
  EXPECT_TRUE(ends_in_torn_uuid(kUuid.substr(0, kUuid.size() - 1)));
  for (const std::string other : {"", "8f14e45f", "8f14e45f-ceea-467g", "garbage", "-8f14e45"}) {
    EXPECT_FALSE(ends_in_torn_uuid(other)) << other;
  }
  EXPECT_FALSE(ends_in_torn_uuid(kUuid));
  EXPECT_FALSE(ends_in_torn_uuid(kUuid.substr(1)));
}

TEST(Record, IsTwoLines) {
  EXPECT_EQ(format_record(kUuid, full_holder()),
            kUuid +
                "\n{\"v\":1,\"host\":\"build-3\",\"machine\":\"3a8b8cea8d37537381d56916948ae29b\","
                "\"boot\":\"10eb4156-46ee-4f3a-b3d5-7b39e9418780\","
                "\"netns\":4026531833,\"pidns\":4026531836,\"timens\":4026531834,\"pid\":4242,"
                "\"start\":187177,\"uid\":1000,\"user\":\"alice\","
                "\"since\":\"2026-11-23T14:01:31Z\",\"mount\":\"local\",\"delay\":0.2,"
                "\"command\":\"rsync -a 'my dir' host:\"," +
                kRoomForChild + "}\n");
  EXPECT_EQ(format_record(kUuid, {}), kUuid + "\n{\"v\":1," + kRoomForChild + "}\n");
  Holder detached;
  detached.detached = true;
  EXPECT_EQ(format_record(kUuid, detached), kUuid + "\n{\"v\":1,\"detached\":true}\n");
}

TEST(Record, HasRoomForAChild) {
  Holder holder = full_holder();
  // What looks like the key, where it is none.
  holder.command = R"("child":null "beat":"0")";
  const std::string record = format_record("\"child\":null-" + kUuid, holder);
  for (const ProcessId& child : {ProcessId{1, 2},
                                 ProcessId{std::numeric_limits<std::int32_t>::max(),
                                           std::numeric_limits<std::uint64_t>::max()},
                                 ProcessId{7, std::nullopt}}) {
    const auto with = with_child(record, child);
    ASSERT_TRUE(with);
    EXPECT_EQ(with->size(), record.size());
    const Sighting seen = parse_record(*with);
    ASSERT_EQ(seen.kind, Kind::record);
    ASSERT_TRUE(seen.holder.child);
    EXPECT_EQ(seen.holder.child->pid, child.pid);
    EXPECT_EQ(seen.holder.child->start, child.start);
    EXPECT_EQ(seen.holder.command, holder.command);
    EXPECT_FALSE(with_child(*with, child)) << "no second one";
  }
  EXPECT_FALSE(parse_record(record).holder.child);
  holder.detached = true;
  EXPECT_FALSE(with_child(format_record(kUuid, holder), {1, 2}));
  EXPECT_FALSE(with_child(kUuid, {1, 2}));
}

TEST(Record, BeatsGrowInPlace) {
  Holder holder = full_holder();
  holder.command = R"("beat":"0000000007")";
  EXPECT_FALSE(with_next_heartbeat(format_record(kUuid, holder)));
  holder.lease = 30;
  holder.heartbeat = kFirstHeartbeat;
  std::string record = format_record(R"("beat":"1"-)" + kUuid, holder);
  const auto length = record.size();
  for (int beat = 1; beat <= 11; ++beat) {
    record = *with_next_heartbeat(record);
    EXPECT_EQ(record.size(), length);
    char text[11];
    std::snprintf(text, sizeof text, "%010d", beat);
    EXPECT_EQ(parse_record(record).holder.heartbeat, text);
  }
  holder.heartbeat = "9999999999";
  EXPECT_EQ(parse_record(*with_next_heartbeat(format_record(kUuid, holder))).holder.heartbeat,
            kFirstHeartbeat);
  for (const char* no_beat : {R"({"beat":3})", R"({"beat":""})", R"({"beat":"1x"})",
                              R"({"beat":"1)", R"({"beat":)", "{}"}) {
    EXPECT_FALSE(with_next_heartbeat(kUuid + '\n' + no_beat)) << no_beat;
  }
  EXPECT_TRUE(with_next_heartbeat(kUuid + "\n{\"future\":[1],\"beat\":\"1\"}"))
      << "unknown keys stay";
}

TEST(Record, AChildOfAnotherTypeIsNotBelieved) {
  for (const char* child : {"1", R"("1")", "[]", R"({"start":1})", R"({"pid":"1"})",
                            R"({"pid":1.5})", R"({"pid":1,"start":-1})"}) {
    EXPECT_EQ(parse_record(kUuid + "\n{\"child\":" + child + "}").kind, Kind::foreign) << child;
  }
}

TEST(Record, ReadsBackWhatItWrote) {
  const Sighting seen = parse_record(format_record("ci-" + kUuid, full_holder()));
  EXPECT_EQ(seen.kind, Kind::record);
  EXPECT_EQ(seen.token, "ci-" + kUuid);
  EXPECT_EQ(format_record(seen.token, seen.holder), format_record("ci-" + kUuid, full_holder()));
}

TEST(Record, StaysBelowItsLimit) {
  Holder holder = full_holder();
  holder.command = std::string(500, '\x01');  // each written as \u0001
  EXPECT_LE(format_record(std::string(236, 'x'), holder).size(), kRecordLimit);
  holder.host = std::string(3000, '\x01');
  holder.user = std::string(3000, '\x01');
  const std::string record = format_record(kUuid, holder);
  EXPECT_LE(record.size(), kRecordLimit);
  EXPECT_EQ(parse_record(record).holder.pid, 4242);
}

TEST(Record, LeavesOutWhatIsNotText) {
  Holder holder = full_holder();
  holder.user = "\xff";
  holder.host = "jürgens-rechner";
  const Sighting seen = parse_record(format_record(kUuid, holder));
  EXPECT_EQ(seen.kind, Kind::record);
  EXPECT_EQ(seen.holder.user, std::nullopt);
  EXPECT_EQ(seen.holder.host, "jürgens-rechner");
}

TEST(Record, TellsForeignEmptyAndGarbledApart) {
  EXPECT_EQ(parse_record("").kind, Kind::empty);
  EXPECT_EQ(parse_record(kUuid).kind, Kind::foreign);
  EXPECT_EQ(parse_record("  " + kUuid + "\n").kind, Kind::foreign);
  EXPECT_EQ(parse_record("  " + kUuid + "\n").token, kUuid);
  EXPECT_EQ(parse_record(kUuid + "\nnot json\n").kind, Kind::foreign);
  EXPECT_EQ(parse_record(kUuid + "\n[1]\n").kind, Kind::foreign);
  EXPECT_EQ(parse_record("\n").kind, Kind::garbled);
  EXPECT_EQ(parse_record("hello world\n{}").kind, Kind::garbled);
  EXPECT_EQ(parse_record(kUuid.substr(0, 20)).kind, Kind::garbled);
  EXPECT_EQ(parse_record(std::string(4096, '\0')).kind, Kind::garbled);
}

TEST(Record, EveryKeyIsOptional) {
  const auto holder_of = [](const std::string& json) {
    const Sighting seen = parse_record(kUuid + "\n" + json + "\n");
    EXPECT_EQ(seen.kind, Kind::record) << json;
    return seen.holder;
  };
  EXPECT_EQ(holder_of("{}").pid, std::nullopt);
  EXPECT_EQ(holder_of(R"({"pid":7,"new key":{"a":[1,2]}})").pid, 7);
  EXPECT_EQ(holder_of(R"({"delay":1})").delay, 1.0);
  EXPECT_EQ(holder_of(R"({"command":null})").command, std::nullopt);
  EXPECT_EQ(holder_of(R"({"lease":2.5})").lease, 2.5);
  EXPECT_EQ(holder_of(R"({"detached":true})").detached, true);
  EXPECT_EQ(holder_of("{}").detached, std::nullopt);
}

TEST(Record, AKeyOfAnotherTypeMakesTheHolderUnknown) {
  for (const char* wrong : {R"("pid":"x")", R"("host":5)", R"("netns":-1)", R"("delay":"1")",
                            R"("uid":1e300)", R"("pid":1.5)", R"("machine":7)", R"("mount":true)",
                            R"("lease":"60")", R"("detached":1)", R"("command":["make"])"}) {
    const Sighting seen =
        parse_record(kUuid + "\n{\"user\":\"alice\"," + wrong + ",\"start\":7}\n");
    EXPECT_EQ(seen.kind, Kind::foreign) << wrong;
    EXPECT_EQ(seen.token, kUuid);
    EXPECT_EQ(seen.holder.user, std::nullopt) << wrong;
    EXPECT_EQ(seen.holder.start, std::nullopt) << wrong;
  }
}

TEST(Record, OfAnotherVersionOnlyTheTokenIsBelieved) {
  for (const char* version : {"2", "0", "-1", "1.0", "\"1\"", "true", "null", "[1]", "{}", "1e0",
                              "18446744073709551615"}) {
    const Sighting seen = parse_record(kUuid + "\n{\"v\":" + version +
                                       R"(,"user":"alice","lease":2,"beat":"1","pid":"x"})");
    EXPECT_EQ(seen.kind, Kind::unknown_version) << version;
    EXPECT_TRUE(is_whole(seen));
    EXPECT_EQ(seen.token, kUuid);
    EXPECT_EQ(seen.holder.user, std::nullopt) << version;
    EXPECT_EQ(seen.holder.lease, std::nullopt) << version;
  }
  EXPECT_EQ(parse_record(kUuid + "\n{\"v\":1}").kind, Kind::record);
  EXPECT_EQ(parse_record("x\n{\"v\":2}").kind, Kind::garbled);
}

TEST(Record, WhatReachesTheLimitMayGoOn) {
  const std::string line = kUuid + "\n{}\n";
  const std::string spaces(kRecordLimit - line.size() - 1, ' ');
  EXPECT_EQ(parse_record(line + spaces).kind, Kind::record);
  EXPECT_EQ(parse_record(line + spaces + ' ').kind, Kind::garbled);
  EXPECT_EQ(parse_record(line + spaces + ' ').token, kUuid);
}

TEST(Record, NewKeysAreWrittenAndReadBack) {
  Holder holder;
  holder.lease = 60;
  holder.detached = true;
  const Sighting seen = parse_record(format_record(kUuid, holder));
  EXPECT_EQ(seen.holder.lease, 60);
  EXPECT_EQ(seen.holder.detached, true);
}

TEST(Record, ABombIsNoRecord) {
  EXPECT_EQ(parse_record(kUuid + "\n" + std::string(4000, '[')).kind, Kind::foreign);
  EXPECT_EQ(parse_record(kUuid + "\n{\"a\":\"\xff\xfe\"}").kind, Kind::foreign);
}

TEST(Utc, IsRfc3339BothWays) {
  using namespace std::chrono;
  const Wall time = sys_days{2026y / 2 / 28} + hours{23} + minutes{59} + seconds{59};
  EXPECT_EQ(utc_text(time), "2026-02-28T23:59:59Z");
  EXPECT_EQ(parse_utc(utc_text(time)), time);
  EXPECT_EQ(utc_text(Wall{}), "1970-01-01T00:00:00Z");
  for (const char* bad : {"", "2026-02-28", "2026-02-30T00:00:00Z", "2026-02-28 23:59:59Z",
                          "2026-02-28T23:59:59+1", "2026-x2-28T23:59:59Z"}) {
    EXPECT_EQ(parse_utc(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace ufl

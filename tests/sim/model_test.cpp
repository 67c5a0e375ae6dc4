// SPDX-License-Identifier: MIT
//
// The simulator itself: one seed is one history, the share does what its knobs say and no more,
// and histories reach what they are there for.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "protocol/record.hpp"
#include "sim/campaign.hpp"
#include "sim/client.hpp"
#include "sim/history.hpp"
#include "sim/mutants.hpp"

namespace ufl::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string told(const Result& result) {
  std::string text;
  for (const TraceLine& line : result.trace) {
    text += text_of(line.at) + " " + name_of(line.who) + " " + line.text + "\n";
  }
  return text;
}

TEST(History, IsTheSameForTheSameSeed) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::string once = told(play(draw_setup(seed), true));
    EXPECT_EQ(once, told(play(draw_setup(seed), true))) << seed;
    EXPECT_NE(once, told(play(draw_setup(seed + kFamilies.size()), true))) << seed;
  }
}

TEST(History, IsTheSameWhetherItIsToldOrNot) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Result told = play(draw_setup(seed), true);
    const Result untold = play(draw_setup(seed), false);
    EXPECT_EQ(told.entries, untold.entries);
    EXPECT_EQ(told.end, untold.end);
    EXPECT_TRUE(untold.trace.empty());
  }
}

TEST(History, TellsTheInterleavingOfAViolation) {
  const Mutant* mutant = find_mutant("delay_50");
  const auto seed = find_violation(Campaign{mutant->family(), mutant}, 999);
  ASSERT_TRUE(seed);
  const Result result = play(mutant->setup(*seed), true);
  ASSERT_TRUE(result.violation);
  const std::string text = interleaving(result);
  EXPECT_EQ(text.find("   1  "), 0U) << text;
  EXPECT_NE(text.find("reads: absent"), std::string::npos) << text;
  EXPECT_NE(text.find("HOLDS THE LOCK"), std::string::npos) << text;
}

// A family in which nobody ever got the lock, or nothing ever went wrong, would prove nothing.
TEST(Histories, GoThroughEverythingThatTheyAreThereFor) {
  std::set<std::string> missing{"gives up",
                                "is told to stop",
                                "dies",
                                "loses what it has not flushed",
                                "somebody clears away what it left",
                                "is released by another process",
                                "is told that it has lost the lock",
                                "could not release",
                                "gives up, and says that its claim may be left behind",
                                "the reply is lost",
                                "is told: EEXIST",
                                "is told: EPERM",
                                "reads: ESTALE",
                                "reads: EIO",
                                "reads: empty",
                                "reads: ?",
                                "its truncation lands",
                                "opens for writing, truncating",
                                "the removal lands: nothing was there",
                                "breaks the lock",
                                "breaks nothing",
                                "has broken the lock",
                                "releases the lock of another",
                                "writes a temporary file",
                                "is told: ENOENT",
                                "is told: EWOULDBLOCK",
                                "finds another record",
                                "is killed",
                                "is killed, with its command",
                                "its command ends",
                                "takes the lock over",
                                "sees its lease run out",
                                "sees that it has lost the lock",
                                "leaves its lock to others",
                                "refreshes its lease",
                                "cannot refresh",
                                "cannot write down its command",
                                "finds the share too slow for its lease",
                                "what it wrote over has no name any more",
                                "hangs"};
  for (const Family family : kFamilies) {
    int entries = 0;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      const Result result = play(draw_setup(seed, family), true);
      entries += result.entries;
      for (const TraceLine& line : result.trace) missing.erase(line.text);
    }
    EXPECT_GT(entries, 1500) << name_of(family);
  }
  EXPECT_EQ(missing, std::set<std::string>{});
}

class ShareTest : public ::testing::Test {
 protected:
  ShareTest() {
    knobs_.v = milliseconds{400};
    knobs_.b = milliseconds{200};
    knobs_.held_back = 1000;
    knobs_.old_view = 1000;
  }

  Client& client(int who) {
    auto& client = clients_[static_cast<std::size_t>(who)];
    if (!client) client = std::make_unique<Client>(world_, share(), knobs_, who, process_);
    return *client;
  }
  Share& share() {
    if (!share_) share_ = std::make_unique<Share>(world_, knobs_.v);
    return *share_;
  }
  FileReply perform(int who, const FileOperation& operation) {
    FileReply result;
    bool done = false;
    client(who).start(operation, [&](FileReply reply) {
      result = std::move(reply);
      done = true;
    });
    while (!done && world_.step()) {
    }
    EXPECT_TRUE(done);
    return result;
  }
  FileReply read(int who) { return perform(who, ReadFile{"lock", kRecordLimit}); }
  void wait(Duration time) {
    bool done = false;
    world_.at(world_.now() + time, [&done] { done = true; });
    while (!done) world_.step();
  }

  World world_{7, false};
  ShareKnobs knobs_;
  std::shared_ptr<Process> process_ = std::make_shared<Process>();
  std::unique_ptr<Share> share_;
  std::array<std::unique_ptr<Client>, 3> clients_;
};

TEST_F(ShareTest, ShowsOldStatesForVAndNoLonger) {
  std::set<std::string> seen;
  for (int round = 0; round < 200; ++round) {
    share().put(0, "old");
    wait(seconds{1});
    share().put(0, "new");
    const Moment since = world_.now();
    wait(world_.some_of(milliseconds{800}));
    const Moment asked = world_.now();
    const std::string content = read(1).content;
    seen.insert(content);
    if (asked > since + knobs_.v) {
      EXPECT_EQ(content, "new") << text_of(asked - since);
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST_F(ShareTest, WithoutVThereIsNoPast) {
  knobs_.v = Duration::zero();
  for (int round = 0; round < 50; ++round) {
    const std::string content = std::to_string(round);
    share().put(0, content);
    EXPECT_EQ(read(1).content, content);
  }
}

TEST_F(ShareTest, AWriteLandsByBAfterTheLookAndByWAfterClose) {
  knobs_.atomic_create = false;
  knobs_.w = milliseconds{100};
  knobs_.old_view = 0;
  bool landed_after_close = false;
  for (int round = 0; round < 200; ++round) {
    Moment looked{};
    Moment landed{};
    share().remove(0);
    wait(seconds{1});
    share().on_change([&](int, const Version&, const Version&) { landed = world_.now(); });
    client(1).start(ReadFile{"lock", kRecordLimit}, [&](const FileReply&) {});
    wait(milliseconds{200});  // at most B later the look has been taken, and answered
    looked = world_.now();
    ASSERT_EQ(perform(1, CreateExclusive{"lock", "mine", false}).status, FileStatus::ok);
    const Moment closed = world_.now();
    wait(seconds{1});
    share().on_change([](int, const Version&, const Version&) {});
    EXPECT_LE(landed, looked + knobs_.b);
    EXPECT_LE(landed, closed + knobs_.w);
    landed_after_close = landed_after_close || landed > closed;
  }
  EXPECT_TRUE(landed_after_close);
}

TEST_F(ShareTest, AtomicCreateHasOneWinnerAndTheOtherKindMayHaveTwo) {
  for (const bool atomic : {true, false}) {
    knobs_.atomic_create = atomic;
    share_.reset();
    clients_ = {};
    int most_winners = 0;
    for (int round = 0; round < 100; ++round) {
      share().remove(0);
      wait(seconds{1});
      int winners = 0;
      for (const int who : {1, 2}) {
        client(who).start(CreateExclusive{"lock", "mine", false}, [&](const FileReply& reply) {
          if (reply.status == FileStatus::ok) ++winners;
        });
      }
      wait(seconds{1});
      most_winners = std::max(most_winners, winners);
    }
    EXPECT_EQ(most_winners, atomic ? 1 : 2);
  }
}

TEST_F(ShareTest, ARenameLandsByBAfterTheLookOnWhateverIsThere) {
  knobs_.old_view = 0;
  std::set<Duration> after;
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(perform(1, CreateExclusive{"temporary", "mine", false}).status, FileStatus::ok);
    share().put(0, "judged");
    wait(seconds{1});
    client(1).start(ReadFile{"lock", kRecordLimit}, [&](const FileReply&) {});
    wait(milliseconds{200});  // at most B later the look has been taken, and answered
    const Moment looked = world_.now();
    share().put(0, "another");
    Moment landed{};
    share().on_change([&](int, const Version&, const Version&) { landed = world_.now(); });
    EXPECT_EQ(perform(1, ReplaceFile{"lock", "temporary"}).status, FileStatus::ok);
    share().on_change([](int, const Version&, const Version&) {});
    EXPECT_EQ(share().current().content, "mine");
    EXPECT_LE(landed, looked + knobs_.b);
    after.insert(landed - looked);
  }
  EXPECT_GT(after.size(), 1U);
  EXPECT_FALSE(client(1).litters());
}

// The flock is held from the comparison on: one of two does it, however long each of them takes.
TEST_F(ShareTest, OfTwoWhoAreGuardedOneRemovesOrReplaces) {
  knobs_.v = Duration::zero();
  knobs_.overdue = 500;
  knobs_.overdue_removals = true;
  knobs_.longest_overdue = seconds{10};
  std::set<FileStatus> told;
  for (int round = 0; round < 200; ++round) {
    share().put(0, "judged");
    ASSERT_EQ(perform(1, CreateExclusive{"temporary", "mine", false}).status, FileStatus::ok);
    int did = 0;
    const auto count = [&](const FileReply& reply) {
      if (reply.status == FileStatus::ok) ++did;
      told.insert(reply.status);
    };
    client(1).start(ReplaceFile{"lock", "temporary", "judged"}, count);
    client(2).start(RemoveFile{"lock", "judged"}, count);
    wait(seconds{30});
    EXPECT_EQ(did, 1);
    (void)perform(1, RemoveFile{"temporary"});
  }
  EXPECT_EQ(told, (std::set<FileStatus>{FileStatus::ok, FileStatus::not_found, FileStatus::changed,
                                        FileStatus::busy}));
}

TEST_F(ShareTest, WhoDiesLetsTheFlockGo) {
  knobs_.flocked = 0;
  share().put(0, "judged");
  const auto mortal = std::make_shared<Process>();
  ASSERT_TRUE(share().lock(mortal));
  EXPECT_EQ(perform(2, RemoveFile{"lock", "judged"}).status, FileStatus::busy);
  mortal->alive = false;
  EXPECT_EQ(perform(2, RemoveFile{"lock", "judged"}).status, FileStatus::ok);
}

// The name goes to another file between its open and its write.
TEST_F(ShareTest, AWriteInPlaceLandsInTheFileThatWasOpened) {
  knobs_.old_view = 0;
  std::set<std::string> left;
  for (int round = 0; round < 200; ++round) {
    share().put(0, "beat 1");
    wait(seconds{1});
    FileStatus said{};
    client(1).start(UpdateFile{"lock", "beat 1", "beat 2", false},
                    [&said](const FileReply& reply) { said = reply.status; });
    wait(world_.some_of(milliseconds{400}));
    share().put(0, "beat of another");
    wait(seconds{1});
    EXPECT_TRUE(said == FileStatus::ok || said == FileStatus::changed);
    left.insert(share().current().content);
  }
  EXPECT_EQ(left, std::set<std::string>{"beat of another"});
}

TEST_F(ShareTest, WhoIsStoppedInTheMiddleOfAWriteWritesWhenItGoesOn) {
  knobs_.old_view = 0;
  std::set<bool> late;
  for (int round = 0; round < 100; ++round) {
    share().put(0, "beat 1");
    wait(seconds{1});
    Moment landed{};
    Moment answered{};
    share().on_change([&](int, const Version&, const Version&) { landed = world_.now(); });
    client(1).start(UpdateFile{"lock", "beat 1", "beat 2", false},
                    [&](const FileReply&) { answered = world_.now(); });
    process_->stopped_until = world_.now() + seconds{30};
    wait(seconds{40});
    share().on_change([](int, const Version&, const Version&) {});
    EXPECT_GE(answered, process_->stopped_until) << "nobody who is stopped is told anything";
    late.insert(landed >= process_->stopped_until);
  }
  EXPECT_EQ(late, (std::set<bool>{false, true}));
}

TEST_F(ShareTest, TwoWritersOfOneFileMayMixTheirContents) {
  const std::uint64_t inode = share().truncate(0);
  share().truncate(1);
  share().write(0, inode, "long content");
  share().write(1, inode, "short");
  EXPECT_EQ(share().current().content, "shortcontent");
  EXPECT_TRUE(share().current().mixed);
}

TEST(Range, IsAToB) {
  EXPECT_EQ(parse_range("3..9"), (std::pair<std::uint64_t, std::uint64_t>{3, 9}));
  EXPECT_EQ(parse_range("3..3"), (std::pair<std::uint64_t, std::uint64_t>{3, 3}));
  for (const char* bad : {"", "3", "3..", "..3", "9..3", "3..x", "-1..2", "3...9"}) {
    EXPECT_FALSE(parse_range(bad)) << bad;
  }
}

}  // namespace
}  // namespace ufl::sim

// SPDX-License-Identifier: MIT
//
// The faults that let two in, or leave something behind, as the simulator has found them.

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <variant>

#include "protocol/claim.hpp"
#include "protocol/release.hpp"
#include "sim/scenario.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using Outcome = ClaimResult::Outcome;

// A write that is late by less than D, where create may overwrite; V = 0.3 s, D = 1 s.
//   1 A and B look: absent.  2 A's claim lands.  3 B's claim lands 0.9 s later, over A's, in time
//   as long as "late" means more than D.  4 A's verification sees the state of 0.3 s ago: its own,
//   and A enters.  5 B verifies D later and enters, too.
TEST_F(Scenario, AWriteThatIsLateByLessThanTheDelay) {
  Player a = player(share(false));
  Player b = player(share(false));
  sees_truth(a);
  sees_truth(b);
  lands(a);
  is_told(a, ok());
  const FileReply before = truth();
  passes(milliseconds{900});
  lands(b);
  is_told(b, ok());
  waits(a);
  sees(a, before);
  ASSERT_TRUE(holds(a));
  passes(seconds{2});
  b.step = b.claim->resume();
  EXPECT_TRUE(std::holds_alternative<WaitUntil>(b.step)) << "B waits until A must have noticed";
  EXPECT_TRUE(b.claim->late());
}

// A late write that is published again, where create may overwrite.
//   1 A and B look: absent.  2 A holds the lock.  3 B's write lands late, over A's; its reply is
//   lost: EEXIST.  4 B looks; old views say absent, so it publishes again, in time.  5 B forgets
//   that its first write was late, verifies after D, and enters beside A.
TEST_F(Scenario, ALateWriteThatIsPublishedAgain) {
  Player b = player(share(false));
  sees_truth(b);
  passes(seconds{3});
  lands(b);
  is_told(b, refused(FileStatus::exists, EEXIST));
  sees(b, kAbsent);
  waits(b);
  sees(b, kAbsent);
  lands(b);
  is_told(b, ok());
  passes(seconds{2});
  b.step = b.claim->resume();
  EXPECT_TRUE(std::holds_alternative<WaitUntil>(b.step)) << "B verifies";
  EXPECT_TRUE(b.claim->late());
}

// ESTALE of a file that is well (its server was restarted), where create may overwrite.
//   1 A holds the lock.  2 B looks: ESTALE, and the directory opens: taken for free.  3 B's write
//   lands on A's record.
TEST_F(Scenario, AStaleHandleOfALiveLock) {
  Player a = player(share(false));
  sees_truth(a);
  lands(a);
  is_told(a, ok());
  waits(a);
  sees_truth(a);
  ASSERT_TRUE(holds(a));
  Player b = player(share(false));
  sees(b, refused(FileStatus::stale, ESTALE));
  is_told(b, ok());  // the directory
  waits(b);
  sees_truth(b);
  EXPECT_EQ(wants<CreateExclusive>(b.step), nullptr) << "B writes";
  EXPECT_TRUE(b.claim->waiting_for_other());
}

// A lost reply and an old view, where create is atomic.
//   1 A's create lands, the reply is lost, the client asks again and is told EEXIST.  2 A looks; an
//   old view says absent, twice.  3 A creates with a new token: EEXIST.  4 A sees the first token,
//   does not know it, and waits for itself, for ever.
TEST_F(Scenario, AClaimWhoseReplyWasLostBehindAnOldView) {
  Player a = player(share(true));
  sees_truth(a);
  lands(a);
  is_told(a, refused(FileStatus::exists, EEXIST));
  sees(a, kAbsent);
  waits(a);
  sees(a, kAbsent);
  is_told(a, refused(FileStatus::exists, EEXIST));
  sees_truth(a);
  waits(a);
  sees_truth(a);
  EXPECT_TRUE(holds(a));
}

// An old view of an earlier lock, where create is atomic.
//   1 A's create lands, the reply is lost: EEXIST.  2 A looks; an old view shows the lock that B
//   has just released, so A takes its own claim for lost.  3 A gives up and takes nothing back.
TEST_F(Scenario, AnOldViewOfAnEarlierLockWhileGivingUp) {
  ClaimOptions one_attempt = share(true);
  one_attempt.timeout = Duration::zero();
  const FileReply earlier = ok("11111111-1111-4111-8111-111111111111\n{}\n");
  Player a = player(one_attempt);
  sees_truth(a);
  lands(a);
  is_told(a, refused(FileStatus::exists, EEXIST));
  sees(a, earlier);
  sees(a, earlier);
  waits(a);
  sees_truth(a);
  removes(a);
  EXPECT_TRUE(finished(a.step));
  EXPECT_FALSE(file_) << "left behind, and nobody holds it";
}

// An old view at the moment of giving up.
//   1 A's claim lands.  2 A is told to stop, looks, and an old view says absent.  3 A leaves its
//   claim behind.
TEST_F(Scenario, AnOldViewOfAbsenceWhileGivingUp) {
  Player a = player(share(true));
  sees_truth(a);
  lands(a);
  is_told(a, ok());
  a.step = a.claim->cancel();
  sees(a, kAbsent);
  waits(a);
  sees_truth(a);
  removes(a);
  EXPECT_TRUE(finished(a.step));
  EXPECT_FALSE(file_) << "left behind, and nobody holds it";
}

// An old view of an earlier lock at release, D = 0 where create is atomic.
//   1 A holds the lock and lets it go at once.  2 Its look shows the lock before its own: "lost",
//   and its file stays.
TEST_F(Scenario, AnOldViewOfAnEarlierLockAtRelease) {
  const std::string mine = FakeIdentity::uuid(1);
  file_ = mine;
  Release release{{.path = "lock",
                   .token = mine,
                   .delay = {},
                   .local = false,
                   .atomic_create = true,
                   .place = {}},
                  clock_};
  (void)release.start();
  const Step pause = release.on_reply(ok("11111111-1111-4111-8111-111111111111"));
  ASSERT_TRUE(std::holds_alternative<WaitUntil>(pause)) << "says lost";
  clock_.set(std::get<WaitUntil>(pause).at);
  (void)release.resume();
  EXPECT_NE(wants<RemoveFile>(release.on_reply(truth())), nullptr);
}

// A release, on a local disk, of a lock that is taken over meanwhile.
//   1 T looks twice: X, whose holder is gone.  2 P, another process with X's token, looks: X, and
//   is stopped.  3 T renames its record over X, verifies, runs.  4 P removes T's record.  5 C
//   looks: absent, and runs beside T.
TEST_F(Scenario, ARemovalThatComesAfterATakeover) {
  file_ = kGone;
  Player t = player(taker(local()));
  prepares(t);
  sees_truth(t);
  Release p = release_of_the_gone(true);
  (void)p.start();
  const Step removal = p.on_reply(truth());
  is_told(t, done(t.step));
  waits(t);
  sees_truth(t);
  ASSERT_TRUE(holds(t));
  const Step after = p.on_reply(done(removal));
  EXPECT_EQ(file_, temporary_) << "P has removed T's record";
  ASSERT_NE(wants<ReadFile>(after), nullptr);
  EXPECT_TRUE(finished(p.on_reply(truth())));
  EXPECT_EQ(p.result().outcome, ReleaseResult::Outcome::lost);
}

// The same the other way round.
//   1 T looks twice: X, and is stopped.  2 P removes X.  3 C looks: absent, creates, runs.  4 T
//   renames its record over C's, and runs beside C.
TEST_F(Scenario, ATakeoverThatComesAfterARemoval) {
  file_ = kGone;
  Player t = player(taker(local()));
  prepares(t);
  sees_truth(t);
  Release p = release_of_the_gone(true);
  (void)p.start();
  EXPECT_TRUE(finished(p.on_reply(done(p.on_reply(truth())))));
  Player c = player(local());
  sees_truth(c);
  lands(c);
  is_told(c, ok());
  sees_truth(c);
  ASSERT_TRUE(holds(c));
  is_told(t, done(t.step));
  EXPECT_NE(file_, temporary_) << "T has replaced C's record";
  is_told(t, ok());  // the temporary file
  waits(t);
  sees_truth(t);
  EXPECT_TRUE(finished(t.step));
  EXPECT_EQ(t.claim->result().outcome, Outcome::busy);
}

// A removal, on a local disk, while somebody takes the lock over.
//   1 T looks twice: X.  2 P removes X.  3 T's rename finds no file, and T says that it has failed.
TEST_F(Scenario, ATakeoverOfWhatHasJustBeenReleased) {
  file_ = kGone;
  Player t = player(taker(local()));
  prepares(t);
  sees_truth(t);
  file_.reset();
  is_told(t, done(t.step));
  is_told(t, ok());  // the temporary file
  waits(t);
  is_told(t, truth());
  EXPECT_TRUE(std::holds_alternative<LooksFree>(t.step));
}

// A takeover has a longer delay than the others, D = 0.3 s, and took a longer B from it, too.
//   1 T looks twice: X, and is stopped for 0.3 s.  2 P removes X.  3 A looks: absent, writes, waits
//   D, verifies, runs.  4 T's look is no older than a third of its own delay: T renames over A's.
TEST_F(Scenario, ATakeoverThatIsInTimeByItsOwnDelayAlone) {
  ClaimOptions short_delay = share(false);
  short_delay.delay = milliseconds{300};
  file_ = kGone;
  Player t = player(taker(short_delay));
  prepares(t);
  const FileReply before = truth();
  Release p = release_of_the_gone(false);
  (void)p.start();
  EXPECT_TRUE(finished(p.on_reply(done(p.on_reply(truth())))));
  Player a = player(short_delay);
  sees_truth(a);
  lands(a);
  is_told(a, ok());
  waits(a);
  sees_truth(a);
  ASSERT_TRUE(holds(a));
  sees(t, before);
  EXPECT_EQ(wants<ReplaceFile>(t.step), nullptr) << "T writes";
  EXPECT_NE(wants<ReadFile>(t.step), nullptr) << "T looks again";
}

// A full disk, a five-step program and a power cut, where create is atomic.
//   1 B's create makes an empty file, and fails: the disk is full.  2 C, a five-step program with
//   an old view, overwrites it.  3 B, which is to take its part back, looks: C's token.  4 C
//   enters; its host loses its power, and the file is empty.  5 B looks: empty, takes that for its
//   own, and removes C's lock.
TEST_F(Scenario, APartOfOursThatAnotherHasOverwritten) {
  Player b = player(share(true));
  sees_truth(b);
  FileReply full = refused(FileStatus::failed, ENOSPC);
  full.created = true;
  is_told(b, full);
  sees(b, ok("11111111-1111-4111-8111-111111111111"));
  waits(b);
  sees(b, ok());
  EXPECT_EQ(wants<RemoveFile>(b.step), nullptr) << "B removes C's lock";
  waits(b);
  sees(b, ok());
  EXPECT_TRUE(finished(b.step));
  EXPECT_TRUE(b.claim->result().left_behind);
}

// Mended on local disks (posix_file_system.cpp), not on shares: a program that opens without O_EXCL
// between ufl's open and ufl's write.
//   1 A five-step program looks: absent.  2 ufl creates the file.  3 The program opens it,
//   truncating.  4 ufl writes its record.  5 The program writes its token over the beginning.
// The file is neither's. Nobody enters, and a person must remove it.
TEST_F(Scenario, AMixtureOfTwoRecordsIsHeldByNobody) {
  const std::string foreign = "11111111-1111-4111-8111-111111111111";
  ClaimOptions options = share(true);
  options.holder.prefix = "ci-";
  Player a = player(options);
  sees_truth(a);
  lands(a);
  is_told(a, ok());
  file_->replace(0, foreign.size(), foreign);
  waits(a);
  sees_truth(a);
  EXPECT_TRUE(a.claim->waiting_for_other());
  EXPECT_NE(*file_, foreign) << "the program does not find its token either";
}

}  // namespace
}  // namespace ufl::test

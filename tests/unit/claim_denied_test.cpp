// SPDX-License-Identifier: MIT
//
// A claim whose create was refused, and how the claim finds out why.

#include <cerrno>
#include <string>
#include <utility>

#include "protocol/claim.hpp"
#include "protocol/record.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

TEST_F(ClaimTest, DeniedOnAShareMeansExistsWhenAFileIsThere) {
  Claim claim = make(share());
  (void)publish(claim);
  (void)claim.on_reply(denied(EPERM));
  (void)claim.on_reply(ok(record_of(kOther)));
  EXPECT_TRUE(claim.waiting_for_other());
}

TEST_F(ClaimTest, DeniedInADirectoryThatCannotBeWrittenFails) {
  Claim claim = make(share());
  (void)publish(claim);
  (void)claim.on_reply(denied());
  const Step step = claim.on_reply(absent());
  EXPECT_EQ(expect_operation<CreateExclusive>(step).path, ".ufl-" + FakeIdentity::uuid(1));
  // Were the replies lost, of creates that were done? It is looked for, twice.
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(denied())));
  (void)claim.on_reply(absent());
  clock_.advance(seconds{1});
  ASSERT_TRUE(asks<ReadFile>(claim.resume()));
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reply.error, EACCES);
}

TEST_F(ClaimTest, DeniedTwiceByLostRepliesItTakesBackWhatItMade) {
  // 1 create lands, its reply is lost, and asked for again: EPERM  2 an old view: absent  3 the
  // same of the file of its own  4 a newer view
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(denied(EPERM));
  (void)claim.on_reply(absent());
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(denied(EPERM))));
  expect_taken_back(claim, written, Outcome::failed);
}

TEST_F(ClaimTest, DeniedOnALocalDiskFailsAtOnce) {
  Claim claim = make(local());
  (void)publish(claim);
  (void)claim.on_reply(denied());
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reply.error, EACCES);
}

// davfs2: the name looks absent for up to 24 s after another client made it, create says EACCES.
TEST_F(ClaimTest, DeniedWhereFilesCanBeMadeIsHeldForAsLongAsItLasts) {
  Claim claim = make(share());
  Step step = claim.start();
  const Mono begun = clock_.now();
  int scratches = 0;
  while (clock_.now() - begun < seconds{100}) {
    (void)claim.on_reply(absent());
    (void)claim.resume();
    (void)claim.on_reply(denied());
    step = claim.on_reply(absent());
    if (const auto* create = wants<CreateExclusive>(step)) {
      ++scratches;
      EXPECT_EQ(create->path, ".ufl-" + FakeIdentity::uuid(1));
      step = claim.on_reply(ok());
      EXPECT_EQ(expect_operation<RemoveFile>(step).path, ".ufl-" + FakeIdentity::uuid(1));
      step = claim.on_reply(ok());
    }
    EXPECT_TRUE(claim.waiting_for_other());
    EXPECT_EQ(claim.publishing().is_denied_for_long(), clock_.now() - begun >= kLongDenial);
    EXPECT_EQ(claim.publishing().refused().error, EACCES);
    step = next(claim, step);
    ASSERT_TRUE(asks<ReadFile>(step));
  }
  EXPECT_EQ(scratches, 1) << "once a process";
}

TEST_F(ClaimTest, ADenialIsForgottenWhenSomebodyIsSeen) {
  Claim claim = make(share());
  (void)claim.start();
  bool has_scratch = false;
  const auto is_denied = [&] {
    (void)claim.on_reply(absent());
    (void)claim.resume();
    (void)claim.on_reply(denied(EPERM));
    Step step = claim.on_reply(absent());
    if (std::exchange(has_scratch, true)) return step;
    (void)claim.on_reply(ok());
    return claim.on_reply(ok());
  };
  Step step = is_denied();
  (void)next(claim, step);
  step = claim.on_reply(ok(record_of(kOther)));
  clock_.advance(seconds{60});
  (void)claim.resume();
  (void)is_denied();
  EXPECT_FALSE(claim.publishing().is_denied_for_long())
      << "the first denial in a row, not one of a minute ago";
}

/// One attempt on a share, whose create is denied with nobody to be seen; what a file of its own
/// there says. Then nothing is seen any more.
class DeniedOnceTest : public ClaimTest {
 protected:
  Outcome outcome_with(const FileReply& scratch) {
    Claim claim = make(once(share()));
    (void)publish(claim);
    (void)claim.on_reply(denied());
    (void)claim.on_reply(absent());
    EXPECT_TRUE(asks<RemoveFile>(claim.on_reply(scratch))) << "part of it may be there";
    // An earlier create may have been carried out all the same.
    EXPECT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
    (void)claim.on_reply(absent());
    clock_.advance(seconds{1});  // was it an old view?
    (void)claim.resume();
    EXPECT_TRUE(finished(claim.on_reply(absent())));
    failure_ = claim.result().failure.reply;
    return claim.result().outcome;
  }
  FileReply failure_;
};

TEST_F(DeniedOnceTest, IsBusyWhereFilesCanBeMade) { EXPECT_EQ(outcome_with(ok()), Outcome::busy); }

TEST_F(DeniedOnceTest, IsAnErrorWhereThatCannotBeTold) {
  for (const auto& reply : {failed(ENOSPC), failed()}) {
    EXPECT_EQ(outcome_with(reply), Outcome::failed);
    EXPECT_EQ(failure_.error, EACCES);
  }
}

TEST_F(ClaimTest, ADeniedCreateForSomebodyWhoIsSeenAfterAllIsBusy) {
  // sshfs says EPERM for EEXIST: 1 denied  2 that holder has just gone  3 the next one is there
  Claim claim = make(once(share()));
  (void)publish(claim);
  (void)claim.on_reply(denied(EPERM));
  (void)claim.on_reply(absent());
  (void)claim.on_reply(failed());  // the file of our own
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(ok())));
  (void)claim.on_reply(ok(record_of(kOther)));
  clock_.advance(seconds{1});
  (void)claim.resume();
  EXPECT_TRUE(finished(claim.on_reply(ok(record_of(kOther)))));
  EXPECT_EQ(claim.result().outcome, Outcome::busy);
  EXPECT_EQ(claim.seen().token, kOther);
}

TEST_F(ClaimTest, AFileThatIsInUseExists) {
  // smbnetfs, EBUSY: 1 another client makes it, and has it open  2 we create
  Claim claim = make(share());
  (void)publish(claim);
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(in_use())));
  (void)claim.on_reply(absent());
  EXPECT_TRUE(claim.waiting_for_other());
}

TEST_F(ClaimTest, AnEarlierClaimIsTakenBackWhenALaterCreateFails) {
  // 1 create lands, its reply is lost: EEXIST  2 old views say absent  3 create again: EMFILE
  Claim claim = make(share());
  const std::string written = publish(claim);
  (void)claim.on_reply(exists());
  (void)next(claim, claim.on_reply(absent()));
  (void)claim.on_reply(absent());
  (void)claim.resume();
  ASSERT_TRUE(asks<ReadFile>(claim.on_reply(exhausted())));
  ASSERT_TRUE(asks<RemoveFile>(to_removal(claim, written)));
  EXPECT_TRUE(finished(claim.on_reply(ok())));
  EXPECT_EQ(claim.result().failure.reply.error, EMFILE);
}

TEST_F(ClaimTest, AMissingDirectoryFails) {
  Claim claim = make(local());
  (void)publish(claim);
  EXPECT_TRUE(finished(claim.on_reply(absent())));
  EXPECT_EQ(claim.result().outcome, Outcome::failed);
  EXPECT_EQ(claim.result().failure.reply.error, ENOENT);
}

TEST_F(ClaimTest, AFullDiskLeavesNoFile) {
  for (const std::size_t landed : {std::size_t{0}, std::size_t{20}}) {
    Claim claim = make(local());
    const std::string written = publish(claim);
    ASSERT_TRUE(asks<ReadFile>(claim.on_reply(full())));
    ASSERT_TRUE(asks<RemoveFile>(claim.on_reply(ok(written.substr(0, landed)))));
    EXPECT_TRUE(finished(claim.on_reply(ok())));
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
    EXPECT_EQ(claim.result().failure.reply.error, ENOSPC);
    EXPECT_FALSE(claim.result().left_behind);
  }
}

TEST_F(ClaimTest, AFailedPublishRemovesNobodyElsesFile) {
  for (const std::string& content : {std::string{}, record_of(kOther)}) {
    Claim claim = make(local());
    (void)publish(claim);
    (void)claim.on_reply(failed());  // not known to have made the file
    EXPECT_TRUE(finished(claim.on_reply(ok(content)))) << content;
    EXPECT_EQ(claim.result().outcome, Outcome::failed);
    EXPECT_EQ(claim.result().left_behind, content.empty()) << "an empty file may be ours";
  }
}

}  // namespace
}  // namespace ufl::test

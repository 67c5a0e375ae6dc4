// SPDX-License-Identifier: MIT
//
// What a claim writes, promises and leaves on its host.

#include <cerrno>
#include <optional>
#include <string>

#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "unit/claim_fixture.hpp"

namespace ufl::test {
namespace {

class ClaimRecordTest : public ClaimFixture {
 protected:
  static ClaimOptions run(bool local = false) {
    ClaimOptions options = basic_options(local);
    options.delay = seconds{1};
    options.takeovers.may_take_over = is_gone;
    return options;
  }
  static ClaimOptions acquire() {
    ClaimOptions options = run();
    options.holder.detached = true;
    return options;
  }
  static ClaimOptions acquire_pid() {
    ClaimOptions options = acquire();
    options.holder.lives_with = ProcessId{4711, 99};
    return options;
  }
  /// The look that is under way shows nothing; what is written then.
  static std::string publish_now(Claim& claim) {
    return expect_operation<CreateExclusive>(to_create(claim)).content;
  }
  /// The record of a claim with these options.
  std::string record_of(const ClaimOptions& options) {
    Claim claim = make(options);
    return publish(claim);
  }
  Holder holder_of(const ClaimOptions& options) { return parse_record(record_of(options)).holder; }
  static bool has_room(const std::string& record) { return with_child(record, {1, 2}).has_value(); }
};

TEST_F(ClaimRecordTest, ALeaseIsWrittenWithItsFirstBeat) {
  for (ClaimOptions options : {run(), acquire(), acquire_pid()}) {
    Holder holder = holder_of(options);
    EXPECT_FALSE(holder.lease || holder.heartbeat);
    options.lease = milliseconds{30500};
    holder = holder_of(options);
    EXPECT_EQ(holder.lease, 30.5);
    EXPECT_EQ(holder.heartbeat, std::string{kFirstHeartbeat});
    EXPECT_TRUE(with_next_heartbeat(record_of(options)));
  }
}

TEST_F(ClaimRecordTest, OnlyARunHasRoomForItsCommand) {
  EXPECT_TRUE(has_room(record_of(run())));
  EXPECT_FALSE(has_room(record_of(acquire())));
  EXPECT_FALSE(has_room(record_of(acquire_pid())));
}

TEST_F(ClaimRecordTest, PromisesALifelineThatIsHeld) {
  for (const bool has_lifelines : {false, true}) {
    identity_.has_lifelines = has_lifelines;
    ClaimOptions options = run();
    options.holder.prefix = "ci-";
    const Sighting seen = parse_record(record_of(options));
    EXPECT_EQ(identity_.lifeline, uuid_of(seen.token));
    EXPECT_EQ(seen.holder.lifeline,
              has_lifelines ? std::optional<std::string>{kLifeline} : std::nullopt);
  }
}

TEST_F(ClaimRecordTest, PromisesNoLifelineForAProcessThatEnds) {
  identity_.has_lifelines = true;
  for (const ClaimOptions& options : {acquire(), acquire_pid()}) {
    EXPECT_FALSE(holder_of(options).lifeline);
    EXPECT_EQ(identity_.lifeline, "");
  }
}

TEST_F(ClaimRecordTest, PromisesNoLifelineWhereTheCommandCannotBeNamed) {
  identity_.has_lifelines = true;
  ClaimOptions options = run();
  options.writes_in_place = false;
  EXPECT_FALSE(holder_of(options).lifeline);
  EXPECT_EQ(identity_.lifeline, "");
}

TEST_F(ClaimRecordTest, LeavesAWitnessBeforeAnybodyCanReadTheRecord) {
  const Sighting seen = parse_record(record_of(run()));
  EXPECT_EQ(identity_.witness, uuid_of(seen.token)) << "the create is not answered yet";

  Claim taker = make(run());
  (void)taker.start();
  (void)taker.on_reply(ok(kGone));
  const Step step = taker.resume();
  ASSERT_TRUE(asks<CreateExclusive>(step)) << "the temporary file";
  EXPECT_EQ(identity_.witness,
            uuid_of(parse_record(expect_operation<CreateExclusive>(step).content).token));
}

TEST_F(ClaimRecordTest, LeavesAWitnessWhereItsHolderCanBeJudgedFromAShare) {
  ClaimOptions not_in_place = run();
  not_in_place.writes_in_place = false;
  for (const ClaimOptions& options : {run(true), acquire(), not_in_place}) {
    (void)record_of(options);
    EXPECT_TRUE(identity_.witnesses.empty());
  }
  ClaimOptions process_not_in_place = acquire_pid();
  process_not_in_place.writes_in_place = false;
  for (const ClaimOptions& options : {run(), acquire_pid(), process_not_in_place}) {
    const std::string record = record_of(options);
    EXPECT_TRUE(identity_.witnesses.contains(std::string{uuid_of(parse_record(record).token)}));
  }
}

TEST_F(ClaimRecordTest, KeepsTheWitnessOfALockThatItHolds) {
  Claim claim = make(run());
  const std::string record = publish(claim);
  (void)next(claim, claim.on_reply(ok()));
  ASSERT_TRUE(finished(claim.on_reply(ok(record))));
  EXPECT_EQ(identity_.witness, uuid_of(claim.result().token));
}

TEST_F(ClaimRecordTest, RemovesTheWitnessOfAClaimThatIsTakenBack) {
  for (const bool is_removed : {true, false}) {
    Claim claim = make(run());
    const std::string record = publish(claim);
    (void)claim.on_reply(ok());
    (void)claim.cancel();
    ASSERT_TRUE(asks<RemoveFile>(to_removal(claim, record)));
    EXPECT_FALSE(identity_.witnesses.empty()) << "the record stands there";
    const FileReply reply = is_removed ? ok() : failed();
    ASSERT_TRUE(finished(claim.on_reply(reply)));
    EXPECT_EQ(claim.result().left_behind, !is_removed);
    EXPECT_EQ(identity_.witnesses.empty(), is_removed);
  }
}

TEST_F(ClaimRecordTest, RemovesTheWitnessOfAClaimThatWasRefused) {
  ClaimOptions options = run();
  options.timeout = Duration::zero();
  Claim claim = make(options);
  (void)publish(claim);
  ASSERT_TRUE(finished(claim.on_reply(exhausted())));
  EXPECT_TRUE(identity_.witnesses.empty());
}

//   1 A looks: absent, and leaves a witness.  2 B creates.  3 A's create: EEXIST.  4 And again.
TEST_F(ClaimRecordTest, EachClaimRemovesTheWitnessOfTheOneBefore) {
  Claim claim = make(run());
  (void)claim.start();
  for (int attempt = 1; attempt <= 5; ++attempt) {
    const std::string record = publish_now(claim);
    EXPECT_EQ(identity_.witnesses,
              std::set<std::string>{std::string{uuid_of(parse_record(record).token)}})
        << attempt;
    (void)claim.on_reply(exists());
    clock_.advance(seconds{2});  // B's record is surely newer than ours
    Step step = claim.on_reply(ok(kWinner));
    step = next(claim, step);
    step = next(claim, claim.on_reply(ok(kWinner)));
    ASSERT_TRUE(asks<ReadFile>(step));
  }
}

TEST_F(ClaimRecordTest, TellsWhatWasWrittenAndSinceWhen) {
  ClaimOptions options = run();
  options.lease = seconds{30};
  Claim claim = make(options);
  (void)claim.start();
  clock_.advance(milliseconds{10});
  const Mono begun = clock_.now();
  const std::string record = publish_now(claim);
  clock_.advance(milliseconds{20});
  (void)next(claim, claim.on_reply(ok()));
  FileReply verified = ok(record);
  verified.device = 7;
  verified.directory_device = 8;
  (void)claim.on_reply(verified);
  ASSERT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().record, record);
  EXPECT_EQ(claim.result().begun, begun);
  EXPECT_EQ(claim.result().look_to_write, milliseconds{30});
  EXPECT_EQ(claim.result().place.file, 7U);
  EXPECT_EQ(claim.result().place.directory, 8U);
}

//   1 A creates.  2 A's verification sees nothing.  3 A's next look shows its claim: this look is
//   newer than the write, and nothing rests on it.
TEST_F(ClaimRecordTest, AClaimThatFlickersTookAsLongAsItTook) {
  Claim claim = make(run());
  (void)claim.start();
  const Mono begun = clock_.now();
  const std::string record = publish_now(claim);
  clock_.advance(milliseconds{20});
  (void)next(claim, claim.on_reply(ok()));
  (void)next(claim, claim.on_reply(absent()));
  (void)claim.on_reply(ok(record));
  (void)claim.on_reply(ok(record));
  ASSERT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().look_to_write, milliseconds{20});
  EXPECT_EQ(claim.result().begun, begun);
}

//   1 A's create takes long, and its reply is lost: EEXIST.  2 Old views: absent.  3 A's second
//   create, with the same token, is fast.  Which of them stands there?
TEST_F(ClaimRecordTest, OfTwoWritesTheSlowerOneCounts) {
  Claim claim = make(run());
  (void)claim.start();
  const Mono begun = clock_.now();
  const std::string record = publish_now(claim);
  clock_.advance(milliseconds{300});
  (void)claim.on_reply(exists());
  (void)next(claim, claim.on_reply(absent()));
  EXPECT_EQ(publish_now(claim), record);
  clock_.advance(milliseconds{10});
  (void)next(claim, claim.on_reply(ok()));
  (void)claim.on_reply(ok(record));
  ASSERT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().look_to_write, milliseconds{300});
  EXPECT_EQ(claim.result().begun, begun) << "it may have been seen since then";
}

TEST_F(ClaimRecordTest, ATakeoverRestsOnItsSecondLook) {
  Claim claim = make(run());
  (void)claim.start();
  (void)claim.on_reply(ok(kGone));
  clock_.advance(milliseconds{100});
  const Mono begun = clock_.now();
  const Step step = claim.resume();
  const std::string record = expect_operation<CreateExclusive>(step).content;
  clock_.advance(milliseconds{100});
  (void)claim.on_reply(ok());
  clock_.advance(milliseconds{10});
  ASSERT_TRUE(asks<ReplaceFile>(claim.on_reply(ok(kGone))));
  clock_.advance(milliseconds{20});
  (void)next(claim, claim.on_reply(ok()));
  (void)claim.on_reply(ok(record));
  ASSERT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().look_to_write, milliseconds{30});
  EXPECT_EQ(claim.result().begun, begun);
  EXPECT_EQ(claim.result().record, record);
}

TEST_F(ClaimRecordTest, ANewRecordIsTimedAnew) {
  Claim claim = make(run());
  (void)publish(claim);
  clock_.advance(milliseconds{300});
  (void)claim.on_reply(exists());
  Step step = next(claim, claim.on_reply(ok(kWinner)));
  clock_.advance(seconds{2});
  step = next(claim, claim.on_reply(ok(kWinner)));
  step = next(claim, claim.on_reply(ok(kWinner)));
  const Mono begun = clock_.now();
  const std::string record = publish_now(claim);
  clock_.advance(milliseconds{10});
  (void)next(claim, claim.on_reply(ok()));
  (void)claim.on_reply(ok(record));
  ASSERT_EQ(claim.result().outcome, Outcome::acquired);
  EXPECT_EQ(claim.result().look_to_write, milliseconds{10});
  EXPECT_EQ(claim.result().begun, begun);
}

}  // namespace
}  // namespace ufl::test

// SPDX-License-Identifier: MIT
//
// Fixtures of the tests of Claim (protocol/claim.hpp): the ways to a publish, to a rename and
// through a long wait, and the options of those whose tests lie in several files.
//
//     ClaimFixture         a claim, on a host that counts its UUIDs
//     ├── ClaimTest        a claim on a free or held lock, on a disk or on shares
//     ├── TakeoverTest     a claim that takes over the lock of a holder that is gone
//     └── WatchingClaim    a claim that watches a lock until it is abandoned

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/both_local.hpp"
#include "protocol/claim.hpp"
#include "protocol/record.hpp"
#include "unit/fake_notifier.hpp"
#include "unit/fake_observations.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {

/// A look at an empty file, by its inode number or by who keeps it.
inline FileReply empty_file(std::uint64_t identity = 7) {
  FileReply reply = ok();
  reply.identity = identity;
  return reply;
}
inline FileReply empty_file(Keeper keeper) {
  FileReply reply = empty_file();
  reply.keeper = keeper;
  return reply;
}

/// The record of another holder with this token. It names a host, and nothing else.
inline std::string record_of(const std::string& token) {
  Holder holder;
  holder.host = "there";
  return format_record(token, holder);
}

/// One claim at a time.
class ClaimFixture : public MachineTest {
 protected:
  using Outcome = ClaimResult::Outcome;

  Claim make(const ClaimOptions& options) { return {options, clock_, identity_, &notifier_}; }

  /// On a disk or on a share, where create is exclusive.
  static ClaimOptions basic_options(bool local, Duration retry = milliseconds{100}) {
    ClaimOptions options;
    options.path = "lock";
    options.retry.interval = retry;
    options.local = local;
    options.atomic_create = true;
    return options;
  }

  /// The look that is under way shows nothing: to the create, which is not answered yet.
  static Step to_create(Claim& claim) {
    EXPECT_TRUE(looks_free(claim.on_reply(absent())));
    return claim.resume();
  }
  /// From the start to the create.
  static Step to_publish(Claim& claim) {
    EXPECT_TRUE(asks<ReadFile>(claim.start()));
    return to_create(claim);
  }
  /// From the start to the create; what it writes.
  static std::string publish(Claim& claim) {
    return expect_operation<CreateExclusive>(to_publish(claim)).content;
  }
  /// From the start through the delay to the look that verifies, which is not answered yet; what
  /// was written.
  std::string to_verification(Claim& claim) {
    std::string written = publish(claim);
    EXPECT_TRUE(asks<ReadFile>(next(claim, claim.on_reply(ok()))));
    return written;
  }
  /// `step` is a delay of this length; then the claim sees its own record, and has the lock.
  void expect_acquired_after(Duration delay, Claim& claim, const Step& step,
                             const std::string& written) {
    EXPECT_EQ(wait(step), delay);
    EXPECT_TRUE(asks<ReadFile>(next(claim, step)));
    EXPECT_TRUE(finished(claim.on_reply(ok(written))));
    EXPECT_EQ(claim.result().outcome, Outcome::acquired);
  }
  /// A look shows the claim's own record, and so does a second one, where the first comes so soon
  /// after the write that it may be the client's own view: to what follows.
  Step to_removal(Claim& claim, const std::string& written) {
    Step step = claim.on_reply(ok(written));
    if (!waits(step)) return step;
    EXPECT_TRUE(asks<ReadFile>(next(claim, step)));
    return claim.on_reply(ok(written));
  }
  /// A look shows the claim's own record: it is removed, and the claim ends so.
  void expect_taken_back(Claim& claim, const std::string& written, Outcome outcome) {
    ASSERT_TRUE(asks<RemoveFile>(to_removal(claim, written)));
    EXPECT_TRUE(finished(claim.on_reply(ok())));
    EXPECT_EQ(claim.result().outcome, outcome);
    EXPECT_FALSE(claim.result().left_behind);
  }
  /// From LooksFree to the rename, which is not answered yet, or to what comes instead of it.
  /// `written_` is the record that is to replace the other.
  Step to_rename(Claim& claim, const FileReply& second_look) {
    written_ = expect_operation<CreateExclusive>(claim.resume()).content;
    EXPECT_TRUE(asks<ReadFile>(claim.on_reply(ok()))) << "no second look";
    return claim.on_reply(second_look);
  }

  FakeIdentity identity_;
  FakeNotifier notifier_;
  std::string written_;
};

/// Claims that take nothing over.
class ClaimTest : public ClaimFixture {
 protected:
  static ClaimOptions local() {
    ClaimOptions options = basic_options(true);
    options.delay_is_auto = true;
    return options;
  }
  static ClaimOptions share(Duration delay = seconds{1}) {
    ClaimOptions options = local();
    options.local = false;
    options.delay = delay;
    return options;
  }
  /// A share on which exclusive create may overwrite.
  static ClaimOptions loose_share() {
    ClaimOptions options = share();
    options.atomic_create = false;
    return options;
  }
  /// One attempt.
  static ClaimOptions once(ClaimOptions options) {
    options.timeout = Duration::zero();
    return options;
  }
};

/// The record of a holder that is gone, and that of another holder. Both took the file system for a
/// local one.
inline const std::string kGone = kOther + "\n{\"mount\":\"local\"}\n";
inline const std::string kWinner = "22222222-2222-4222-8222-222222222222\n{\"mount\":\"local\"}\n";

/// May the lock of kGone be taken over?
inline bool is_gone(const Sighting& seen, bool /*is_abandoned*/) {
  return kGone.starts_with(seen.token);
}

/// Claims that take over the lock of kGone, in one attempt.
class TakeoverTest : public ClaimFixture {
 protected:
  static ClaimOptions local() {
    ClaimOptions options = basic_options(true);
    options.path = "dir/lock";
    options.timeout = Duration::zero();
    options.takeovers.may_take_over = is_gone;
    options.takeovers.delay = seconds{1};
    return options;
  }
  static ClaimOptions share(Duration delay = seconds{3}) {
    ClaimOptions options = local();
    options.local = options.atomic_create = false;
    options.delay = delay;
    return options;
  }

  /// With a host of its own: its first token is always the same.
  Claim make(const ClaimOptions& options) { return {options, clock_, host_.emplace()}; }

  /// From the start to LooksFree; `record` is what stands there.
  static void to_looks_free(Claim& claim, const std::string& record = kGone) {
    (void)claim.start();
    EXPECT_TRUE(looks_free(claim.on_reply(ok(record))));
    EXPECT_TRUE(claim.takes_over());
  }
  /// To the temporary file, which is not answered yet.
  static Step to_temporary(Claim& claim, const std::string& record = kGone) {
    to_looks_free(claim, record);
    return claim.resume();
  }
  /// To the rename, which is not answered yet; `written_` is the record.
  Step to_rename(Claim& claim, const std::string& record = kGone) {
    to_looks_free(claim, record);
    return ClaimFixture::to_rename(claim, ok(record));
  }
  /// The temporary file is removed; answers that.
  static Step dropped(Claim& claim, const Step& step) {
    EXPECT_EQ(expect_operation<RemoveFile>(step).path, kTemporary);
    return claim.on_reply(ok());
  }

  static inline const std::string kTemporary = "dir/.ufl-" + FakeIdentity::uuid(1);
  std::optional<FakeIdentity> host_;
};

/// Claims that look at a lock again and again, until it is abandoned.
class WatchingClaim : public ClaimFixture {
 protected:
  ClaimOptions options(bool local) {
    ClaimOptions options = basic_options(local, seconds{1});
    options.path = "dir/lock";
    options.takeovers.delay = seconds{1};
    options.takeovers.observations = &memory_;
    options.takeovers.observed_as = kKey;
    options.takeovers.may_take_over = [this](const Sighting& seen, bool is_abandoned) {
      asked_.push_back(is_abandoned);
      judged_ = seen;
      return is_abandoned;
    };
    return options;
  }
  ClaimOptions once(bool local) {
    ClaimOptions once = options(local);
    once.timeout = Duration::zero();
    return once;
  }

  /// Watch what shows `reply`, from the look or the wait that `step_` is, until it is taken over,
  /// the claim ends, or `limit` has passed; the time that took.
  Duration watch(Claim& claim, const FileReply& reply, Duration limit) {
    const Mono begun = clock_.now();
    do {
      if (waits(step_)) step_ = next(claim, step_);
      if (asks<ReadFile>(step_)) step_ = claim.on_reply(reply);
      EXPECT_EQ(claim.waiting_for_other(), waits(step_));
    } while (waits(step_) && clock_.now() - begun < limit);
    return clock_.now() - begun;
  }

  static inline const std::string kKey = "share:/lock";
  FakeObservations memory_;
  Step step_;
  std::vector<bool> asked_;  // is it abandoned? in that order
  Sighting judged_;
};

}  // namespace ufl::test

// SPDX-License-Identifier: MIT

#include "protocol/inspect.hpp"

#include <cerrno>
#include <initializer_list>

#include "protocol/record.hpp"
#include "unit/support.hpp"

namespace ufl::test {
namespace {

using State = InspectResult::State;

const std::string kToken = "00000000-0000-4000-8000-000000000001";

/// Answers each look with `replies`, in turn; returns what was told in the end.
InspectResult inspect(std::initializer_list<FileReply> replies) {
  Inspect machine{"dir/lock", true};
  Step step = machine.start();
  for (const FileReply& reply : replies) {
    EXPECT_FALSE(finished(step));
    step = machine.on_reply(reply);
  }
  EXPECT_TRUE(finished(step));
  return machine.result();
}

const FileReply kAbsent = refused(FileStatus::not_found, ENOENT);

TEST(Inspect, AbsentIsFreeWhereTheDirectoryIsThere) {
  EXPECT_EQ(inspect({kAbsent, ok()}).state, State::free);
  const InspectResult unmounted = inspect({kAbsent, kAbsent});
  EXPECT_EQ(unmounted.state, State::cannot_tell);
  EXPECT_TRUE(std::holds_alternative<ProbeDirectory>(unmounted.failed_operation));
}

TEST(Inspect, TellsHoldersApart) {
  const InspectResult held = inspect({ok(format_record(kToken, {}))});
  EXPECT_EQ(held.state, State::held);
  EXPECT_EQ(held.seen.token, kToken);
  for (const std::string& content : {std::string{}, kToken, std::string{"data"}}) {
    EXPECT_EQ(inspect({ok(content)}).state, State::unknown_holder) << content;
  }
}

TEST(Inspect, LooksAgainAtAStaleHandle) {
  const FileReply stale = refused(FileStatus::stale, ESTALE);
  EXPECT_EQ(inspect({stale, ok(kToken)}).state, State::unknown_holder);
  EXPECT_EQ(inspect({stale, stale, stale}).state, State::cannot_tell);
}

TEST(Inspect, CannotTellWhatItCannotRead) {
  const InspectResult denied = inspect({refused(FileStatus::denied, EACCES)});
  EXPECT_EQ(denied.state, State::cannot_tell);
  EXPECT_EQ(denied.failure.error, EACCES);
  EXPECT_EQ(inspect({refused(FileStatus::not_regular, 0)}).state, State::cannot_tell);
  EXPECT_EQ(inspect({refused(FileStatus::failed, EIO)}).state, State::cannot_tell);
}

}  // namespace
}  // namespace ufl::test

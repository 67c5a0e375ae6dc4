// SPDX-License-Identifier: MIT

#include "protocol/inspect.hpp"

#include <cerrno>
#include <initializer_list>

#include "protocol/record.hpp"
#include "unit/machine_fixture.hpp"

namespace ufl::test {
namespace {

using State = InspectResult::State;

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

TEST(Inspect, AbsentIsFreeWhereTheDirectoryIsThere) {
  EXPECT_EQ(inspect({absent(), ok()}).state, State::free);
  const InspectResult unmounted = inspect({absent(), absent()});
  EXPECT_EQ(unmounted.state, State::cannot_tell);
  EXPECT_TRUE(std::holds_alternative<ProbeDirectory>(unmounted.failure.operation));
}

TEST(Inspect, TellsHoldersApart) {
  const InspectResult held = inspect({ok(format_record(kMine, {}))});
  EXPECT_EQ(held.state, State::held);
  EXPECT_EQ(held.seen.token, kMine);
  for (const std::string& content : {std::string{}, kMine, std::string{"data"}}) {
    EXPECT_EQ(inspect({ok(content)}).state, State::unknown_holder) << content;
  }
}

TEST(Inspect, LooksAgainAtAStaleHandle) {
  EXPECT_EQ(inspect({stale(), ok(kMine)}).state, State::unknown_holder);
  EXPECT_EQ(inspect({stale(), stale(), stale()}).state, State::cannot_tell);
}

TEST(Inspect, CannotTellWhatItCannotRead) {
  const InspectResult unreadable = inspect({denied()});
  EXPECT_EQ(unreadable.state, State::cannot_tell);
  EXPECT_EQ(unreadable.failure.reply.error, EACCES);
  EXPECT_EQ(inspect({refused(FileStatus::not_regular, 0)}).state, State::cannot_tell);
  EXPECT_EQ(inspect({failed()}).state, State::cannot_tell);
}

}  // namespace
}  // namespace ufl::test

// SPDX-License-Identifier: MIT

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "sys/host_identity.hpp"
#include "sys/lifeline.hpp"
#include "sys/unique_fd.hpp"
#include "unit/processes.hpp"

namespace ufl {
namespace {

using OnExec = Lifeline::OnExec;
using test::Process;
using test::run_in_child;

std::string new_uuid() { return HostIdentity{}.new_uuid(); }

// The format, written down a second time: if it changes, older holders are not seen any more.
class Stranger {
 public:
  Stranger(std::string uuid, int type)
      : uuid_{std::move(uuid)}, socket_{::socket(AF_UNIX, type, 0)} {}
  [[nodiscard]] bool binds() const { return calls(::bind, uuid_); }
  [[nodiscard]] bool connects() const { return calls(::connect, uuid_); }
  [[nodiscard]] bool connects(const std::string& uuid) const { return calls(::connect, uuid); }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  template <typename Call>
  [[nodiscard]] bool calls(Call call, const std::string& uuid) const {
    const std::string name = std::string{'\0'} + "ufl/" + uuid;
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    return call(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
  }

  std::string uuid_;
  UniqueFd socket_;
};

class LifelineTest : public ::testing::Test {
 protected:
  [[nodiscard]] LifelineState probe() const { return probe_lifeline(uuid_); }

  const std::string uuid_ = new_uuid();
};

// In a child of the test: no more descriptors than this, and all of those open but `free_fd`.
void leave_only(int free_fd, rlim_t limit) {
  const rlimit limits{limit, limit};
  ::setrlimit(RLIMIT_NOFILE, &limits);
  while (::open("/dev/null", O_RDONLY) >= 0) {
  }
  ::close(free_fd);
}

bool is_inherited(int fd) { return ::fcntl(fd, F_GETFD) == 0; }

TEST_F(LifelineTest, ADescriptorTellsItsUuid) {
  const auto lifeline = Lifeline::bind(uuid_, OnExec::close);
  ASSERT_TRUE(lifeline);
  EXPECT_EQ(lifeline_uuid(lifeline->fd()), uuid_);
  EXPECT_EQ(lifeline_uuid(Stranger{uuid_, SOCK_STREAM}.fd()), "") << "no name";
  EXPECT_EQ(lifeline_uuid(UniqueFd{::socket(AF_INET, SOCK_DGRAM, 0)}.get()), "");
  EXPECT_EQ(lifeline_uuid(UniqueFd{::open("/dev/null", O_RDONLY)}.get()), "");
}

TEST_F(LifelineTest, IsUpForAsLongAsItIsKept) {
  EXPECT_EQ(probe(), LifelineState::down);
  auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  ASSERT_TRUE(lifeline);
  EXPECT_EQ(lifeline->uuid(), uuid_);
  EXPECT_EQ(probe(), LifelineState::up);
  EXPECT_EQ(probe_lifeline(new_uuid()), LifelineState::down) << "another one";
  lifeline.reset();
  EXPECT_EQ(probe(), LifelineState::down);
}

// A queue of probes that nobody takes would be full after a few, and say EAGAIN for ever.
TEST_F(LifelineTest, BearsAnyNumberOfProbes) {
  const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(probe(), LifelineState::up) << i;
}

TEST_F(LifelineTest, IsADatagramSocketOfThisName) {
  const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  ASSERT_TRUE(lifeline);
  EXPECT_FALSE(Stranger(uuid_, SOCK_DGRAM).binds()) << "taken";
  EXPECT_TRUE(Stranger(uuid_, SOCK_DGRAM).connects());
  EXPECT_FALSE(Stranger(uuid_, SOCK_STREAM).connects()) << "another type sees nothing";
}

TEST_F(LifelineTest, TakesNoData) {
  const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  const Stranger stranger{uuid_, SOCK_DGRAM};
  ASSERT_TRUE(stranger.connects());
  EXPECT_EQ(::send(stranger.fd(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(LifelineTest, AStrangerUnderItsNameKeepsALockHeld) {
  std::optional<Stranger> stranger{std::in_place, uuid_, SOCK_DGRAM};
  ASSERT_TRUE(stranger->binds());
  EXPECT_EQ(probe(), LifelineState::up);
  EXPECT_FALSE(Lifeline::bind(uuid_, OnExec::keep)) << "no lifeline: the record promises none";
  stranger.reset();
  EXPECT_EQ(probe(), LifelineState::down);
}

TEST_F(LifelineTest, SomethingElseUnderItsNameIsNone) {
  const Stranger listener{uuid_, SOCK_STREAM};
  ASSERT_TRUE(listener.binds());
  ASSERT_EQ(::listen(listener.fd(), 1), 0);
  EXPECT_EQ(probe(), LifelineState::down);
}

// They come from a lock file.
TEST(Lifeline, TakesCanonicalUuidsOnly) {
  const std::string uuid = new_uuid();
  std::string loud = uuid;
  loud[0] = 'A';
  std::string with_nul = uuid;
  with_nul[35] = '\0';
  std::string undashed = uuid;
  undashed[8] = '0';
  for (const std::string& text :
       {std::string{}, uuid.substr(1), uuid + '0', uuid + '-', '{' + uuid + '}', loud, with_nul,
        undashed, std::string(36, '-'), std::string(36, 'a'), std::string(5000, 'a')}) {
    EXPECT_EQ(probe_lifeline(text), LifelineState::unknown) << text;
    EXPECT_FALSE(Lifeline::bind(text, OnExec::keep)) << text;
  }
}

// connect(2) to a socket that is connected to another one says EPERM, as sandboxes do.
TEST_F(LifelineTest, AnErrorIsNotDown) {
  const std::string other = new_uuid();
  const auto lifeline = Lifeline::bind(other, OnExec::keep);
  const Stranger stranger{uuid_, SOCK_DGRAM};
  ASSERT_TRUE(stranger.binds());
  ASSERT_TRUE(stranger.connects(other));
  EXPECT_EQ(probe(), LifelineState::unknown);
}

TEST_F(LifelineTest, NoAnswerIsNotDown) {
  EXPECT_EQ(run_in_child([&] {
              leave_only(-1, 20);
              return probe() == LifelineState::unknown ? 0 : 1;
            }),
            0)
      << "no descriptor to ask with";
}

TEST_F(LifelineTest, SitsOnAHighDescriptor) {
  const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  const auto other = Lifeline::bind(new_uuid(), OnExec::close);
  ASSERT_TRUE(lifeline && other);
  EXPECT_GE(lifeline->fd(), 100);
  EXPECT_GE(other->fd(), 100);
  EXPECT_TRUE(is_inherited(lifeline->fd()));
  EXPECT_FALSE(is_inherited(other->fd()));
}

TEST_F(LifelineTest, SitsAsHighAsTheLimitLetsIt) {
  for (const int limit : {20, 99, 100, 101}) {
    EXPECT_EQ(run_in_child([&] {
                const rlimit limits{static_cast<rlim_t>(limit), static_cast<rlim_t>(limit)};
                ::setrlimit(RLIMIT_NOFILE, &limits);
                const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
                return lifeline && probe() == LifelineState::up ? lifeline->fd() : 0;
              }),
              limit - 1);
  }
}

// There is room above for no second one.
TEST_F(LifelineTest, StaysWhereItIsWhenAllOthersAreTaken) {
  for (const OnExec on_exec : {OnExec::keep, OnExec::close}) {
    EXPECT_EQ(run_in_child([&] {
                leave_only(7, 20);
                const auto lifeline = Lifeline::bind(uuid_, on_exec);
                if (!lifeline || is_inherited(7) != (on_exec == OnExec::keep)) return 0;
                return lifeline->fd();
              }),
              7);
  }
}

TEST_F(LifelineTest, IsNeverAStandardDescriptor) {
  EXPECT_EQ(run_in_child([&] {
              ::close(1);
              const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
              return lifeline ? lifeline->fd() : 0;
            }),
            100);
  EXPECT_EQ(run_in_child([&] {
              leave_only(1, 20);
              ::close(2);
              const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
              if (lifeline) return lifeline->fd();
              return probe() == LifelineState::down ? 42 : 43;
            }),
            42)
      << "rather none at all";
}

// Descriptor 1 is the pipe that the test reads: "yes" and a newline are as long as a pid.
[[noreturn]] void become_a_shell() {
  ::execl("/bin/sh", "sh", "-c", "echo yes; kill -STOP $$", nullptr);
  ::_exit(127);
}

TEST_F(LifelineTest, ACommandInheritsIt) {
  auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  const Process command{become_a_shell};
  lifeline.reset();
  EXPECT_EQ(probe(), LifelineState::up);
  command.end();
  EXPECT_EQ(probe(), LifelineState::down) << "before its parent cares";
}

TEST_F(LifelineTest, ACommandDoesNotInheritOneThatIsToBeClosed) {
  auto lifeline = Lifeline::bind(uuid_, OnExec::close);
  const Process command{become_a_shell};
  EXPECT_EQ(probe(), LifelineState::up);
  lifeline.reset();
  EXPECT_EQ(probe(), LifelineState::down);
}

// Why a record says which namespace its lifeline is in.
TEST_F(LifelineTest, CannotBeSeenFromAnotherNetworkNamespace) {
  const auto lifeline = Lifeline::bind(uuid_, OnExec::keep);
  constexpr int kNotPermitted = 99;
  const int seen = run_in_child(
      [&] { return ::unshare(CLONE_NEWNET) != 0 ? kNotPermitted : static_cast<int>(probe()); });
  if (seen == kNotPermitted) GTEST_SKIP() << "not permitted to make a network namespace";
  EXPECT_EQ(seen, static_cast<int>(LifelineState::down));
}

TEST_F(LifelineTest, OfAnIdentityIsOneAtATime) {
  std::optional<HostIdentity> identity{std::in_place};
  const std::string other = new_uuid();
  ASSERT_TRUE(identity->hold_lifeline(other));
  EXPECT_TRUE(identity->hold_lifeline(uuid_));
  EXPECT_EQ(probe_lifeline(other), LifelineState::down) << "that claim was given up";
  EXPECT_TRUE(identity->hold_lifeline(uuid_)) << "asked for once more";
  EXPECT_EQ(probe(), LifelineState::up);
  const Stranger stranger{other, SOCK_DGRAM};
  ASSERT_TRUE(stranger.binds());
  EXPECT_FALSE(identity->hold_lifeline(other)) << "not to be had";
  EXPECT_EQ(probe(), LifelineState::down);
  EXPECT_FALSE(identity->hold_lifeline("no-uuid"));
  ASSERT_TRUE(identity->hold_lifeline(uuid_));
  identity.reset();
  EXPECT_EQ(probe(), LifelineState::down);
}

TEST_F(LifelineTest, OfAnIdentityIsInheritedUnlessItIsToBeClosed) {
  for (const bool close : {false, true}) {
    std::optional<HostIdentity> identity{std::in_place, close};
    ASSERT_TRUE(identity->hold_lifeline(uuid_));
    const Process command{become_a_shell};
    identity.reset();
    EXPECT_EQ(probe(), close ? LifelineState::down : LifelineState::up);
  }
}

}  // namespace
}  // namespace ufl

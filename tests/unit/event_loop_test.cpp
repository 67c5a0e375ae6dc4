// SPDX-License-Identifier: MIT

#include "process/event_loop.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "process/signal_policy.hpp"
#include "process/signals.hpp"
#include "sys/process_info.hpp"
#include "sys/unique_fd.hpp"
#include "unit/child_processes.hpp"
#include "unit/temporary_directory.hpp"
#include "verbs/name_alarm.hpp"
#include "verbs/process_alarm.hpp"

namespace ufl::test {
namespace {

/// A loop in a process of its own: making one changes what signals do.
void with_loop(const std::function<void(EventLoop&)>& body) {
  in_own_process([&] {
    const Signals signals;
    EventLoop loop{signals};
    body(loop);
  });
}

/// Handle what is ready.
void run_for_a_moment(EventLoop& loop) {
  const auto timer = loop.make_timer();
  timer->at(Mono{Duration{1}}, [&loop] { loop.stop(); });
  loop.run();
}

TEST(BootTimer, ACancelledOneCallsNobody) {
  with_loop([](EventLoop& loop) {
    const auto timer = loop.make_timer();
    timer->at(Mono{Duration{1}}, [] { FAIL() << "it was cancelled"; });
    timer->cancel_timer();
    run_for_a_moment(loop);
    run_for_a_moment(loop);
  });
}

TEST(BootTimer, GoesOffOnceForEachTimeThatItIsSet) {
  with_loop([](EventLoop& loop) {
    const auto timer = loop.make_timer();
    const Mono past{Duration{1}};
    std::string calls;
    timer->at(past, [&] { calls += 'a'; });
    timer->at(past, [&] { calls += 'b'; });  // in place of the first
    run_for_a_moment(loop);
    run_for_a_moment(loop);
    EXPECT_EQ(calls, "b");
    timer->cancel_timer();
    timer->at(past, [&] { calls += 'c'; });  // the same time again
    run_for_a_moment(loop);
    EXPECT_EQ(calls, "bc");
    timer->at(past, [&] { calls += 'd'; });
    timer->cancel_timer();
    run_for_a_moment(loop);  // what was cancelled goes off, in the kernel
    timer->at(past, [&] { calls += 'e'; });
    run_for_a_moment(loop);
    EXPECT_EQ(calls, "bce");
  });
}

TEST(BootTimer, KeepsTheTimeThatWasSetLast) {
  with_loop([](EventLoop& loop) {
    const auto timer = loop.make_timer();
    const Mono never = Mono::max();
    bool called = false;
    timer->at(never, [] { FAIL() << "the end of time"; });
    timer->cancel_timer();
    timer->at(Mono{Duration{1}}, [&] { called = true; });
    run_for_a_moment(loop);
    EXPECT_TRUE(called);
    timer->at(never, [] { FAIL() << "the end of time"; });
    run_for_a_moment(loop);
  });
}

TEST(Watch, CallsAsLongAsSomethingIsThereToRead) {
  with_loop([](EventLoop& loop) {
    const Channel channel;
    std::string read;
    const auto watch = loop.watch(channel.out(), [&] {
      read += channel.receive<char>().value_or('.');
      if (read.size() == 3) loop.stop();
    });
    channel.send('a');
    channel.send('b');
    channel.send('c');
    loop.run();
    EXPECT_EQ(read, "abc");
    run_for_a_moment(loop);
    EXPECT_EQ(read, "abc");
    channel.send('d');
    run_for_a_moment(loop);
    EXPECT_EQ(read, "abcd");
  });
}

TEST(Watch, TellsTheEnd) {
  with_loop([](EventLoop& loop) {
    Channel channel;
    const auto watch = loop.watch(channel.out(), [&] { loop.stop(); });
    channel.close_in();
    loop.run();
    EXPECT_TRUE(channel.ends());
  });
}

TEST(Watch, EndsWithItsHandle) {
  with_loop([](EventLoop& loop) {
    const Channel channel;
    auto watch = loop.watch(channel.out(), [] { FAIL() << "nobody watches"; });
    channel.send('a');
    watch.reset();
    run_for_a_moment(loop);
  });
}

TEST(Watch, AHandlerOnItsWayDoesNotOutliveIt) {
  with_loop([](EventLoop& loop) {
    const Channel one;
    const Channel other;
    std::unique_ptr<Watch> first;
    std::unique_ptr<Watch> second;
    int calls = 0;
    // Both are ready: the one that is called first takes the other's away.
    first = loop.watch(one.out(), [&] { second.reset(), first.reset(), ++calls; });
    second = loop.watch(other.out(), [&] { first.reset(), second.reset(), ++calls; });
    one.send('a');
    other.send('a');
    run_for_a_moment(loop);
    run_for_a_moment(loop);
    EXPECT_EQ(calls, 1);
  });
}

TEST(Watch, IsNotToldWhatCameForTheOneBefore) {
  with_loop([](EventLoop& loop) {
    const Channel one;
    const Channel other;
    const Channel silent;
    std::unique_ptr<Watch> first;
    std::unique_ptr<Watch> second;
    std::unique_ptr<Watch> next;
    // Both are ready: the one that is called first ends both, and begins another watch.
    const auto begin_next = [&] {
      first.reset(), second.reset();
      next = loop.watch(silent.out(), [] { FAIL() << "there is nothing to read"; });
    };
    first = loop.watch(one.out(), begin_next);
    second = loop.watch(other.out(), begin_next);
    one.send('a');
    other.send('a');
    run_for_a_moment(loop);
    run_for_a_moment(loop);
    EXPECT_TRUE(next);
  });
}

TEST(Watch, MayBeGivenUpByItsHandler) {
  with_loop([](EventLoop& loop) {
    const Channel channel;
    std::unique_ptr<Watch> watch;
    int calls = 0;
    watch = loop.watch(channel.out(), [&, canary = std::make_shared<int>(1)] {
      watch.reset();
      calls += *canary;
    });
    channel.send('a');
    run_for_a_moment(loop);
    run_for_a_moment(loop);
    EXPECT_EQ(calls, 1);
  });
}

TEST(Watch, LeavesTheDescriptorToItsOwner) {
  with_loop([](EventLoop& loop) {
    const int notify = ::inotify_init1(IN_CLOEXEC);
    ASSERT_GE(notify, 0);
    ASSERT_GE(::inotify_add_watch(notify, "/", IN_OPEN), 0);
    bool called = false;
    auto watch = loop.watch(notify, [&] {
      called = true;
      loop.stop();
    });
    ::close(::open("/", O_RDONLY));
    loop.run();
    EXPECT_TRUE(called);
    watch.reset();
    char buffer[4096];
    EXPECT_GT(::read(notify, buffer, sizeof buffer), 0) << "closed with the watch";
    watch = loop.watch(notify, [] { FAIL() << "there is nothing to read"; });
    EXPECT_EQ(::close(notify), 0);
    run_for_a_moment(loop);
  });
}

//   A directory that is replaced by one that we may not watch.
TEST(NameAlarm, OneThatCannotBeginAnewIsOver) {
  const TemporaryDirectory directory;
  const std::string lock = directory.path("lock");
  with_loop([&lock](EventLoop& loop) {
    NameAlarm alarm;
    const auto never = [] { FAIL() << "it is over"; };
    ASSERT_TRUE(alarm.begin(loop, lock, NameEvents::any, never));
    ASSERT_FALSE(alarm.begin(loop, "/none/lock", NameEvents::any, never));
    std::ofstream{lock} << "created";
    run_for_a_moment(loop);
  });
}

TEST(Watch, ABadDescriptorIsAnError) {
  with_loop([](EventLoop& loop) {
    try {
      const auto watch = loop.watch(-1, [] {});
      FAIL() << "watches nothing";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EBADF);
    }
  });
}

/// A child of this process, and what names it.
std::pair<pid_t, ProcessId> start_child() {
  const pid_t pid = start_process([] { ::pause(); });
  return {pid, find_process(pid).value_or(ProcessId{})};
}

TEST(ProcessAlarm, CallsOnceWhenTheProcessHasEnded) {
  with_loop([](EventLoop& loop) {
    const auto [pid, process] = start_child();
    ProcessAlarm alarm;
    int calls = 0;
    ASSERT_TRUE(alarm.begin(loop, process, [&] {
      ++calls;
      EXPECT_FALSE(alarm.is_set());
      loop.stop();
    }));
    EXPECT_TRUE(alarm.is_set());
    run_for_a_moment(loop);
    EXPECT_EQ(calls, 0);
    kill_and_wait(pid);
    loop.run();
    run_for_a_moment(loop);
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(alarm.begin(loop, process, [] { FAIL() << "it has ended"; }));
  });
}

TEST(ProcessAlarm, MayBeginAnewInItsCall) {
  with_loop([](EventLoop& loop) {
    const auto [first, first_process] = start_child();
    const auto [second, second_process] = start_child();
    ProcessAlarm alarm;
    ASSERT_TRUE(alarm.begin(loop, first_process, [&, next = second_process] {
      EXPECT_TRUE(alarm.begin(loop, next, [&] { loop.stop(); }));
    }));
    kill_and_wait(first);
    run_for_a_moment(loop);
    kill_and_wait(second);
    loop.run();
  });
}

TEST(ProcessAlarm, CallsNobodyWhenItHasBeenEnded) {
  with_loop([](EventLoop& loop) {
    const auto [pid, process] = start_child();
    ProcessAlarm alarm;
    ASSERT_TRUE(alarm.begin(loop, process, [] { FAIL() << "it was ended"; }));
    kill_and_wait(pid);
    alarm.end();
    run_for_a_moment(loop);
  });
}

TEST(EventLoop, LooksBeforeEachEvent) {
  with_loop([](EventLoop& loop) {
    std::string seen;
    loop.before_each([&] { seen += '.'; });
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const auto timer = loop.make_timer();
    loop.on_signal([&](const SignalEvent&) {
      seen += 's';
      ASSERT_EQ(::write(pipe[1], "x", 1), 1);
    });
    std::unique_ptr<Watch> watch = loop.watch(pipe[0], [&] {
      seen += 'w';
      watch.reset();
      timer->at(Mono{Duration{1}}, [&] {
        seen += 't';
        loop.stop();
      });
    });
    ::raise(SIGUSR1);
    loop.run();
    EXPECT_EQ(seen, ".s.w.t");
    ::close(pipe[0]);
    ::close(pipe[1]);
  });
}

std::ptrdiff_t count_descriptors() {
  return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {});
}

TEST(EventLoop, AWatchThatIsRefusedKeepsNoDescriptor) {
  with_loop([](EventLoop& loop) {
    const UniqueFd place{::open("/", O_PATH | O_CLOEXEC)};  // epoll(7) knows nothing like it
    const auto before = count_descriptors();
    EXPECT_THROW((void)loop.watch(place.get(), [] {}), std::system_error);
    EXPECT_EQ(count_descriptors(), before);
  });
}

}  // namespace
}  // namespace ufl::test

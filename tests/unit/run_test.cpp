// SPDX-License-Identifier: MIT
//
// A whole run in this process, on a file system that stops answering.

#include "verbs/run.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "process/process_title.hpp"
#include "process/signals.hpp"
#include "sys/high_descriptor.hpp"
#include "sys/host_identity.hpp"
#include "sys/kept_file.hpp"
#include "sys/kernel_signs.hpp"
#include "sys/observation_files.hpp"
#include "sys/posix_file_system.hpp"
#include "sys/standard_fds.hpp"
#include "sys/standard_output.hpp"
#include "sys/system_clock.hpp"
#include "unit/child_processes.hpp"
#include "unit/temporary_directory.hpp"

namespace ufl {
namespace {

/// Files of this machine, until the record has been written so often; then no operation ever ends.
class HangingFiles final : public FileSystem {
 public:
  explicit HangingFiles(int updates) : updates_{updates} {}

  void start(const FileOperation& operation, Done done) override {
    if (std::holds_alternative<UpdateFile>(operation) && --updates_ >= 0) {
      begun_.send(SystemClock{}.now());
    }
    if (updates_ >= 0) files_.start(operation, std::move(done));
  }

  /// When the next of those writes began, also in a process that was forked. For others
  /// the lease is not over before it is counted from there.
  [[nodiscard]] Mono next_begun() const { return begun_.receive<Mono>().value_or(Mono::max()); }

 private:
  PosixFileSystem files_;
  int updates_;
  test::Channel begun_;
};

class RunTest : public ::testing::Test {
 protected:
  RunTest() {
    options_.lock_file = path("lock");
    options_.lease = std::chrono::seconds{2};
    options_.kill_on_loss = true;
    options_.kill_after = std::chrono::milliseconds{300};
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }

  /// In a process of its own: signals, SIGCHLD and the subreaper are a process's.
  int run_on(FileSystem& files) {
    const pid_t process = ::fork();
    if (process == 0) {
      RunReport report;
      const int status = run_here(files, report);
      ::_exit(report.kind == RunReport::Kind::lost ? status : 99);
    }
    int status = 0;
    ::waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int run_here(FileSystem& files, RunReport& report) {
    const SystemClock clock;
    return in_world(clock, files,
                    [&](const World& world) { return run(options_, world, report).status; });
  }

  static int in_world(const Clock& clock, FileSystem& files,
                      const std::function<int(const World&)>& body) {
    HostIdentity identity;
    KernelSigns signs;
    Judge judge{identity, signs};
    ObservationFiles observations{identity};
    const Signals signals;
    const ClosedStandardFds closed_fds{};
    const ProcessTitle title{0, nullptr};
    const StandardOutput out{closed_fds, signals.handled()};
    const KeptFile kept_file{OnExec::close};
    return body({clock, identity, files, judge, observations, signs, signals, closed_fds, title,
                 out, kept_file});
  }

  Options options_;
  test::TemporaryDirectory directory_;
};

// The command, its background job and the daemon that it has made hold a pipe: when the last of
// them has ended, we read its end.
TEST_F(RunTest, AShareThatHangsKeepsNobodyRunningBeyondTheLease) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  options_.shell_string =
      "trap '' TERM; (trap '' TERM; sleep 1000) & setsid sleep 1000 & sleep 1000";
  options_.lease = std::chrono::seconds{6};  // a machine may stall between its stop and its end
  HangingFiles files{2};                     // the child, and one beat
  EXPECT_EQ(run_on(files), 76);
  ::close(pipe[1]);
  char byte = 0;
  EXPECT_EQ(::read(pipe[0], &byte, 1), 0) << "something of the command runs still";
  const Mono ended = SystemClock{}.now();
  ::close(pipe[0]);
  std::ignore = files.next_begun();
  EXPECT_LT(ended - files.next_begun(), *options_.lease) << "others may be running";
  EXPECT_TRUE(std::filesystem::exists(path("lock"))) << "it is for others to take over";
}

TEST_F(RunTest, AShareThatHangsBeforeTheCommandRunsNothing) {
  options_.shell_string = "touch " + path("ran");
  HangingFiles files{0};
  EXPECT_EQ(run_on(files), 76);
  EXPECT_FALSE(std::filesystem::exists(path("ran")));
}

}  // namespace
}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "process/group_witness.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace ufl {

namespace {

constexpr std::size_t kStackSize = 16384;
alignas(16) std::array<std::byte, kStackSize> witness_stack;
pid_t witness_parent = 0;

// Runs beside ufl in the same address space, with every signal blocked: it may do nothing but
// system calls that succeed (a failing one would write ufl's errno).
int stand_by(void* parent) {
  // Ends with ufl, however that ends.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Not "ufl": pkill(1) and killall(1) of that name must not look like a signal to the group.
  ::prctl(PR_SET_NAME, "lock-bystander");
  if (::getppid() == *static_cast<const pid_t*>(parent)) ::pause();
  ::_exit(0);
}

}  // namespace

GroupWitness::~GroupWitness() { stop(); }

void GroupWitness::start() {
  stop();
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  witness_parent = ::getpid();
  // CLONE_VM, CLONE_FILES: nothing is copied, so it costs next to nothing and holds nothing open.
  pid_ = ::clone(&stand_by, witness_stack.data() + witness_stack.size(),
                 CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, &witness_parent);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

void GroupWitness::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

bool GroupWitness::saw(int signal_number) const {
  if (pid_ <= 0) return false;
  // ShdPnd: signals pending for the process as a whole, a bit each, in hexadecimal (proc(5)).
  std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
  const std::string key = "ShdPnd:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(key)) continue;
    const std::uint64_t pending = std::strtoull(line.c_str() + key.size(), nullptr, 16);
    return ((pending >> static_cast<unsigned>(signal_number - 1)) & 1U) != 0;
  }
  return false;
}

}  // namespace ufl

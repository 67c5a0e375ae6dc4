// SPDX-License-Identifier: MIT
//
// A world for protocol machines: a clock that stands still until it is moved, an identity that
// counts its UUIDs, the replies that a file system gives, and what a test asks of each step.
// machine_fixture.hpp drives a machine with them.

#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"

namespace ufl::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Mono now() const override { return now_; }
  [[nodiscard]] Wall wall() const override {
    return std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + std::chrono::hours{12};
  }
  void advance(Duration by) { now_ += by; }
  void set(Mono now) { now_ = now; }

 private:
  Mono now_{seconds{1000}};
};

class FakeIdentity final : public Identity {
 public:
  /// The UUID that the n-th call of new_uuid() returns, counted from 1.
  static std::string uuid(int n) {
    char text[37];
    std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012d", n);
    return text;
  }
  [[nodiscard]] std::string new_uuid() override { return uuid(++uuids_); }
  [[nodiscard]] Holder self() override {
    Holder holder;
    holder.host = "here";
    holder.pid = 42;
    return holder;
  }
  [[nodiscard]] bool hold_lifeline(const std::string& uuid) override {
    lifeline = uuid;
    return has_lifelines;
  }
  void leave_witness(const std::string& uuid) override {
    witness = uuid;
    witnesses.insert(uuid);
  }
  void remove_witness(const std::string& uuid) override {
    removed_witnesses.push_back(uuid);
    if (witness == uuid) witness.clear();
    witnesses.erase(uuid);
  }
  [[nodiscard]] std::uint64_t random() override { return 500; }  // the middle: no jitter

  bool has_lifelines = false;
  std::string lifeline;                        ///< the last one that was asked for
  std::string witness;                         ///< the last one that was left, and not removed
  std::set<std::string> witnesses;             ///< all of them
  std::vector<std::string> removed_witnesses;  ///< in that order

 private:
  int uuids_ = 0;
};

// What a machine is told of an operation: ok, or one of the ways in which it was refused.

inline FileReply ok(std::string content = {}) {
  FileReply reply;
  reply.status = FileStatus::ok;
  reply.content = std::move(content);
  return reply;
}

inline FileReply refused(FileStatus status, int error) {
  FileReply reply;
  reply.status = status;
  reply.error = error;
  return reply;
}

inline FileReply absent() { return refused(FileStatus::not_found, ENOENT); }
inline FileReply exists() { return refused(FileStatus::exists, EEXIST); }
inline FileReply stale() { return refused(FileStatus::stale, ESTALE); }
inline FileReply denied(int error = EACCES) { return refused(FileStatus::denied, error); }
inline FileReply exhausted() { return refused(FileStatus::exhausted, EMFILE); }
inline FileReply failed(int error = EIO) { return refused(FileStatus::failed, error); }
/// flock(2) of another process holds the file.
inline FileReply flocked() { return refused(FileStatus::busy, 0); }
/// Another client of the share uses the file.
inline FileReply in_use() { return refused(FileStatus::busy, EBUSY); }
/// `content` stands there, not what was expected.
inline FileReply changed(std::string content = {}) {
  FileReply reply = refused(FileStatus::changed, 0);
  reply.content = std::move(content);
  return reply;
}
/// The file was made, and the disk was full before all the content was in it.
inline FileReply full() {
  FileReply reply = failed(ENOSPC);
  reply.created = true;
  return reply;
}
/// A look that also tells who keeps the file.
inline FileReply kept_by(Keeper keeper, std::string content = {}) {
  FileReply reply = ok(std::move(content));
  reply.keeper = keeper;
  return reply;
}
/// A look at a file on that device.
inline FileReply on_device(std::uint64_t device, std::string content) {
  FileReply reply = ok(std::move(content));
  reply.device = device;
  return reply;
}
/// A probe that finds the directory well, on that device.
inline FileReply directory_on(std::uint64_t device) {
  FileReply reply = ok();
  reply.directory_device = device;
  return reply;
}

// What a machine wants next.

inline bool finished(const Step& step) { return std::holds_alternative<Finished>(step); }
inline bool waits(const Step& step) { return std::holds_alternative<WaitUntil>(step); }
inline bool looks_free(const Step& step) { return std::holds_alternative<LooksFree>(step); }

/// Is `step` a file operation of this kind? Then it, else null.
template <typename Operation>
const Operation* wants(const Step& step) {
  const auto* operation = std::get_if<FileOperation>(&step);
  return operation == nullptr ? nullptr : std::get_if<Operation>(operation);
}

/// What `step` is, for messages.
inline const char* name_of(const Step& step) {
  constexpr std::array kOperations{"ReadFile",    "CreateExclusive", "RemoveFile",
                                   "ReplaceFile", "UpdateFile",      "ProbeDirectory"};
  static_assert(kOperations.size() == std::variant_size_v<FileOperation>);
  constexpr std::array kOthers{"", "WaitUntil", "LooksFree", "Acquired", "Finished"};
  static_assert(kOthers.size() == std::variant_size_v<Step>);
  const auto* operation = std::get_if<FileOperation>(&step);
  return operation != nullptr ? kOperations.at(operation->index()) : kOthers.at(step.index());
}

/// Is `step` a file operation of this kind? For EXPECT_TRUE and ASSERT_TRUE, with what it is.
template <typename Operation>
::testing::AssertionResult asks(const Step& step) {
  return (wants<Operation>(step) != nullptr ? ::testing::AssertionSuccess()
                                            : ::testing::AssertionFailure())
         << "the step is " << name_of(step);
}

/// The file operation of this kind that `step` is. The test fails if it is another step.
template <typename Operation>
Operation expect_operation(const Step& step) {
  EXPECT_TRUE(asks<Operation>(step));
  const auto* operation = wants<Operation>(step);
  return operation != nullptr ? *operation : Operation{};
}

}  // namespace ufl::test

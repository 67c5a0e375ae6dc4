// SPDX-License-Identifier: MIT
//
// A world for protocol machines: a clock that stands still until it is moved, an identity that
// counts its UUIDs, and a script-free driver that lets a test look at each step.

#pragma once

#include <gtest/gtest.h>

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

/// Is `step` a file operation of this kind? Then it, else null.
template <typename Operation>
const Operation* wants(const Step& step) {
  const auto* operation = std::get_if<FileOperation>(&step);
  return operation == nullptr ? nullptr : std::get_if<Operation>(operation);
}

inline bool finished(const Step& step) { return std::holds_alternative<Finished>(step); }

}  // namespace ufl::test

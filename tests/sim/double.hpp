// SPDX-License-Identifier: MIT
//
// What mutants are made of: a double that answers for the share or the clock.

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "protocol/step.hpp"
#include "sim/contender.hpp"

namespace ufl::sim {

/// What the share might say.
inline FileReply reply_of(FileStatus status, std::string content = {}) {
  FileReply reply;
  reply.status = status;
  reply.content = std::move(content);
  return reply;
}

/// Stands between a machine and its driver, and passes everything on. What a mutant does otherwise,
/// it does in answer(), altered(), after_reply() and instead_of().
class Double : public Machine {
 public:
  explicit Double(Machine& inner, SimClock& clock) : inner_{inner}, clock_{clock} {}

  Step start() override { return asked(inner_.start()); }
  Step on_reply(const FileReply& reply) override {
    return asked(after_reply(inner_.on_reply(altered(reply))));
  }
  Step resume() override { return asked(inner_.resume()); }
  Step cancel() override { return asked(inner_.cancel()); }
  bool on_wait() override { return inner_.on_wait(); }

  /// The machine takes this step, which it was not asked for through this double.
  Step noted(Step step) { return asked(std::move(step)); }

 protected:
  /// The answer to `operation` that does not come from the share, if there is one.
  virtual std::optional<FileReply> answer(const FileOperation& /*operation*/) { return {}; }
  /// What the machine is told instead of `reply`.
  virtual FileReply altered(const FileReply& reply) { return reply; }
  /// What is done instead of the `step` that the machine takes after a reply.
  virtual Step after_reply(Step step) { return step; }
  /// What is done instead of any step.
  virtual Step instead_of(Step step) { return step; }

  SimClock& clock() { return clock_; }
  [[nodiscard]] Mono operation_began() const { return began_; }
  [[nodiscard]] const std::string& written() const { return written_; }
  [[nodiscard]] bool is_read() const { return std::holds_alternative<ReadFile>(operation_); }
  [[nodiscard]] bool is_create() const {
    return std::holds_alternative<CreateExclusive>(operation_);
  }

 private:
  Step asked(Step step) {
    for (;;) {
      const auto* operation = std::get_if<FileOperation>(&step);
      if (operation == nullptr) return instead_of(std::move(step));
      operation_ = *operation;
      began_ = clock_.now();
      if (is_create()) written_ = std::get<CreateExclusive>(operation_).content;
      const auto reply = answer(operation_);
      if (!reply) return instead_of(std::move(step));
      step = after_reply(inner_.on_reply(*reply));
    }
  }

  Machine& inner_;
  SimClock& clock_;
  FileOperation operation_;
  Mono began_{};
  std::string written_;
};

/// Its clock stands still while an operation is under way.
class Timeless final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    clock().skip(operation_began() - clock().now());
    return reply;
  }
};

}  // namespace ufl::sim

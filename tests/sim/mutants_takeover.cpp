// SPDX-License-Identifier: MIT
//
// The mutants that take locks over, or break them, in a way that is not safe.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/record.hpp"
#include "sim/double.hpp"
#include "sim/mutants.hpp"

namespace ufl::sim {

namespace {

/// Stands before the claim of one who breaks a lock.
template <typename Before>
class BreakMutant : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_break(Machine& claim, SimClock& clock) const override {
    return std::make_unique<Before>(claim, clock);
  }

 private:
  void change(Setup& setup) const override { setup.breakers = std::max(setup.breakers, 2); }
};

/// Fails when it may not replace what others may.
class Powerless final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    FileReply told = reply;
    if (told.status == FileStatus::denied) told.status = FileStatus::bad_path;
    return told;
  }
};

/// Enters as soon as the rename is answered.
class Hasty final : public Double {
 public:
  using Double::Double;
  Step after_reply(Step step) override {
    const auto* until = std::get_if<WaitUntil>(&step);
    if (replaced_ && until != nullptr) clock().skip(until->at - clock().now());
    return step;
  }
  std::optional<FileReply> answer(const FileOperation& operation) override {
    if (!std::exchange(replaced_, std::holds_alternative<ReplaceFile>(operation))) return {};
    if (!std::holds_alternative<ReadFile>(operation)) return {};
    return reply_of(FileStatus::ok, written());
  }

 private:
  bool replaced_ = false;
};

/// Makes no temporary file.
class WithoutTemporary : public Double {
 public:
  using Double::Double;
  std::optional<FileReply> answer(const FileOperation& operation) override {
    const auto* create = std::get_if<CreateExclusive>(&operation);
    const auto* remove = std::get_if<RemoveFile>(&operation);
    const bool is_temporary = (create != nullptr && create->path != "lock") ||
                              (remove != nullptr && remove->path != "lock");
    if (!is_temporary) return {};
    return reply_of(FileStatus::ok);
  }
};

/// Removes the record that was judged, and then creates its own.
class UnlinksFirst final : public WithoutTemporary {
 public:
  using WithoutTemporary::WithoutTemporary;
  Step on_reply(const FileReply& reply) override {
    switch (std::exchange(state_, State::passes)) {
      case State::passes:
        break;
      case State::removes:
        state_ = State::creates;
        return FileOperation{CreateExclusive{"lock", written(), false}};
      case State::creates:
        // Whose file stands there shows at the verification.
        if (reply.status != FileStatus::exists && reply.status != FileStatus::denied) break;
        return Double::on_reply(reply_of(FileStatus::ok));
    }
    return Double::on_reply(reply);
  }
  Step after_reply(Step step) override {
    const auto* operation = std::get_if<FileOperation>(&step);
    if (operation == nullptr || !std::holds_alternative<ReplaceFile>(*operation)) return step;
    state_ = State::removes;
    return FileOperation{RemoveFile{"lock"}};
  }

 private:
  enum class State { passes, removes, creates };
  State state_ = State::passes;
};

/// Looks, and removes what it saw: no takeover.
class OnlyCompares final : public WithoutTemporary {
 public:
  using WithoutTemporary::WithoutTemporary;
  Step on_reply(const FileReply& reply) override {
    if (std::exchange(removes_, false)) return Double::on_reply(reply_of(FileStatus::busy));
    return Double::on_reply(reply);
  }
  std::optional<FileReply> answer(const FileOperation& operation) override {
    const bool second = std::holds_alternative<ReadFile>(operation) && !seen_.empty();
    return second ? reply_of(FileStatus::ok, seen_) : WithoutTemporary::answer(operation);
  }
  FileReply altered(const FileReply& reply) override {
    if (is_read() && reply.status == FileStatus::ok && seen_.empty()) seen_ = reply.content;
    return reply;
  }
  Step after_reply(Step step) override {
    const auto* operation = std::get_if<FileOperation>(&step);
    if (operation == nullptr || !std::holds_alternative<ReplaceFile>(*operation)) return step;
    removes_ = true;
    return FileOperation{RemoveFile{"lock"}};
  }

 private:
  bool removes_ = false;
  std::string seen_;
};

/// Renames on the word of its first look.
class LooksOnce final : public Double {
 public:
  using Double::Double;
  std::optional<FileReply> answer(const FileOperation& operation) override {
    const bool second = temporary_ && std::holds_alternative<ReadFile>(operation);
    temporary_ = std::holds_alternative<CreateExclusive>(operation);
    if (!second) return {};
    return reply_of(FileStatus::ok, seen_);
  }
  FileReply altered(const FileReply& reply) override {
    if (is_read()) seen_ = reply.content;
    return reply;
  }

 private:
  bool temporary_ = false;
  std::string seen_;
};

/// Removes and replaces without flock(2).
class Unguarded final : public Double {
 public:
  using Double::Double;
  Step after_reply(Step step) override {
    auto* operation = std::get_if<FileOperation>(&step);
    if (operation == nullptr) return step;
    if (auto* remove = std::get_if<RemoveFile>(operation)) remove->only_if.reset();
    if (auto* replace = std::get_if<ReplaceFile>(operation)) replace->only_if.reset();
    return step;
  }
};

class UnguardedRelease final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_release(Machine& release, SimClock& clock,
                                         const std::string& /*token*/) const override {
    return std::make_unique<Unguarded>(release, clock);
  }
};

/// The delay of a takeover is a part of the bound.
class ShortTakeoverDelay final : public Mutant {
 public:
  ShortTakeoverDelay(std::string_view name, int percent, std::uint64_t budget)
      : Mutant{name, Family::theorem_atomic, budget}, percent_{percent} {}

 private:
  void change(Setup& setup) const override {
    setup.breakers = std::max(setup.breakers, 2);
    setup.contenders.takeover_delay = Duration::zero();
    setup.contenders.break_delay = bound(setup.share) * percent_ / 100;
  }
  int percent_;
};

}  // namespace

void add_takeover_mutants(std::vector<std::unique_ptr<Mutant>>& all) {
  const auto add = [&all]<typename Before>(std::string_view name, Family family,
                                           std::uint64_t budget) {
    all.push_back(std::make_unique<BreakMutant<Before>>(name, family, budget));
  };
  add.template operator()<Hasty>("takeover_unverified", Family::theorem_atomic, 1'000);
  add.template operator()<Powerless>("denied_takeover_is_failure", Family::theorem_atomic, 4'000);
  add.template operator()<UnlinksFirst>("takeover_unlinks_first", Family::local, 4'000);
  add.template operator()<OnlyCompares>("break_only_compares", Family::local, 4'000);
  add.template operator()<LooksOnce>("takeover_looks_once", Family::stalls, 4'000);
  add.template operator()<Timeless>("takeover_late_not_noticed", Family::late_claims, 20'000);
  add.template operator()<Unguarded>("takeover_unguarded", Family::local, 4'000);
  all.push_back(std::make_unique<UnguardedRelease>("release_unguarded", Family::local, 4'000));
  all.push_back(std::make_unique<ShortTakeoverDelay>("takeover_delay_50", 50, 20'000));
}

}  // namespace ufl::sim

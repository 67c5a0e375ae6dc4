// SPDX-License-Identifier: MIT

#include "sim/run_flaws.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "sim/identity.hpp"

namespace ufl::sim {

namespace {

/// Writes no beats.
class Beatless final : public Double {
 public:
  using Double::Double;
  std::optional<FileReply> answer(const FileOperation& operation) override {
    if (!std::holds_alternative<UpdateFile>(operation)) return {};
    return reply_of(FileStatus::ok);
  }
};

/// Writes what only later versions read: the records of its own claims.
class Newer final : public Double {
 public:
  Newer(Machine& inner, SimClock& clock, int who) : Double{inner, clock}, who_{who} {}
  FileReply altered(const FileReply& reply) override {
    FileReply seen = reply;
    change(seen.content, kLater, kOurs);
    return seen;
  }
  Step instead_of(Step step) override {
    auto* operation = std::get_if<FileOperation>(&step);
    if (operation == nullptr) return step;
    const auto write = [this](std::string& record) { change(record, kOurs, kLater); };
    if (auto* create = std::get_if<CreateExclusive>(operation)) write(create->content);
    if (auto* remove = std::get_if<RemoveFile>(operation); remove != nullptr && remove->only_if) {
      write(*remove->only_if);
    }
    if (auto* update = std::get_if<UpdateFile>(operation)) {
      write(update->expected);
      write(update->content);
    }
    return step;
  }

 private:
  static constexpr std::string_view kOurs = "\"v\":1,";
  static constexpr std::string_view kLater = "\"v\":2,";
  static constexpr std::size_t kWho = 8;  // digits that tell whose a token is

  void change(std::string& record, std::string_view from, std::string_view to) const {
    const auto found = record.find(from);
    if (found == std::string::npos) return;
    const bool is_own = token_in(record).substr(0, kWho) == token_of(who_, 0).substr(0, kWho);
    if (is_own) record.replace(found, from.size(), to);
  }

  int who_;
};

/// Takes a record of a later version for one of ours.
class ReadsAnyVersion final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    FileReply seen = reply;
    const auto version = is_read() ? seen.content.find("\"v\":2,") : std::string::npos;
    if (version != std::string::npos) seen.content[version + 4] = '1';
    return seen;
  }
};

/// Takes a record without a command for one whose command has ended.
class TakesForChildless final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    constexpr std::int64_t kNobody = 1'000'000;
    FileReply seen = reply;
    if (!is_read() || reply.status != FileStatus::ok) return seen;
    const Sighting sighting = parse_record(reply.content);
    if (sighting.kind != Sighting::Kind::record || sighting.holder.child) return seen;
    if (auto record = with_child(reply.content, {kNobody, 1})) seen.content = std::move(*record);
    return seen;
  }
};

/// Refreshes at a third of the lease.
class Unhurried final : public Double {
 public:
  Unhurried(Machine& inner, SimClock& clock, Duration lease)
      : Double{inner, clock}, interval_{lease / 3} {}
  FileReply altered(const FileReply& reply) override {
    is_well_ = reply.status == FileStatus::ok;
    return reply;
  }
  Step after_reply(Step step) override {
    auto* wait = std::get_if<WaitUntil>(&step);
    if (wait != nullptr && is_well_) wait->at = operation_began() + interval_;
    return step;
  }

 private:
  Duration interval_;
  bool is_well_ = false;
};

/// Does not see who keeps the file.
class SeesNoKeeper final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    FileReply seen = reply;
    seen.keeper = Keeper::unknown;
    return seen;
  }
};

/// Writes its record back whoever has locked the file.
class Unlocked final : public Double {
 public:
  using Double::Double;
  Step after_reply(Step step) override {
    auto* operation = std::get_if<FileOperation>(&step);
    auto* update = operation != nullptr ? std::get_if<UpdateFile>(operation) : nullptr;
    if (update != nullptr && update->restores) update->locked = false;
    return step;
  }
};

/// Takes its lock file and the directory of that for being on one device.
class OneDevice final : public Double {
 public:
  using Double::Double;
  FileReply altered(const FileReply& reply) override {
    FileReply seen = reply;
    if (is_read() && seen.directory_device != 0) seen.directory_device = seen.device;
    return seen;
  }
};

/// Does not look whether its lock is lost.
class NeverLooks final : public Double {
 public:
  using Double::Double;
  Step instead_of(Step step) override {
    auto* wait = std::get_if<WaitUntil>(&step);
    if (wait != nullptr && wait->at != Mono::max()) wait->at += std::chrono::hours{1};
    return step;
  }
};

}  // namespace

std::unique_ptr<Double> before_claim(RecoveryFlaw flaw, Machine& claim, SimClock& clock) {
  switch (flaw) {
    case RecoveryFlaw::beatless_claim:
      return std::make_unique<Beatless>(claim, clock);
    case RecoveryFlaw::any_version:
      return std::make_unique<ReadsAnyVersion>(claim, clock);
    case RecoveryFlaw::one_device:
      return std::make_unique<OneDevice>(claim, clock);
    case RecoveryFlaw::childless_at_once:
      return std::make_unique<TakesForChildless>(claim, clock);
    default:
      return nullptr;
  }
}

std::unique_ptr<Double> before_keep(RecoveryFlaw flaw, Machine& keep, SimClock& clock,
                                    std::optional<Duration> lease) {
  switch (flaw) {
    case RecoveryFlaw::lease_from_the_end:
      return std::make_unique<Timeless>(keep, clock);
    case RecoveryFlaw::third_of_the_lease:
      return lease ? std::make_unique<Unhurried>(keep, clock, *lease) : nullptr;
    case RecoveryFlaw::never_looks:
      return lease ? nullptr : std::make_unique<NeverLooks>(keep, clock);
    case RecoveryFlaw::never_restores:
      return std::make_unique<SeesNoKeeper>(keep, clock);
    case RecoveryFlaw::restores_unlocked:
      return std::make_unique<Unlocked>(keep, clock);
    default:
      return nullptr;
  }
}

std::unique_ptr<Double> of_later_version(Machine& claim, SimClock& clock, int who) {
  return std::make_unique<Newer>(claim, clock, who);
}

}  // namespace ufl::sim

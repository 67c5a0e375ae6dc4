// SPDX-License-Identifier: MIT

#include "sim/mutants.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "protocol/record.hpp"
#include "sim/double.hpp"

namespace ufl::sim {

namespace {

/// The delay is a part of the bound.
class ShortDelay final : public Mutant {
 public:
  ShortDelay(std::string_view name, int percent, std::uint64_t budget)
      : Mutant{name, Family::theorem, budget}, percent_{percent} {}

 private:
  void change(Setup& setup) const override {
    setup.contenders.delay = bound(setup.share) * percent_ / 100;
  }
  int percent_;
};

/// The rule of the original: D > V.
class OriginalRule final : public Mutant {
 public:
  using Mutant::Mutant;

 private:
  void change(Setup& setup) const override { setup.contenders.delay = setup.share.v + kJustMore; }
};

/// D is counted from close, as if what was written had landed by then.
class WriteBackForgotten final : public Mutant {
 public:
  using Mutant::Mutant;

 private:
  void change(Setup& setup) const override {
    setup.share.w = std::max(setup.share.b / 2, kTick);
    setup.share.b = std::max(setup.share.b, setup.share.w);
    setup.contenders.delay = 2 * setup.share.v + setup.share.b + kJustMore;
  }
};

/// D is counted from before the write.
class DelayFromTheLook final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& /*knobs*/) const override {
    class Hasty final : public Double {
     public:
      using Double::Double;
      Step after_reply(Step step) override {
        if (is_create() && std::holds_alternative<WaitUntil>(step)) {
          clock().skip(clock().now() - operation_began());
        }
        return step;
      }
    };
    return std::make_unique<Hasty>(claim, clock);
  }
};

/// The claim is not read back.
class Unverified final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& /*knobs*/) const override {
    class Credulous final : public Double {
     public:
      using Double::Double;
      std::optional<FileReply> answer(const FileOperation& operation) override {
        const bool verifies = published_ && std::holds_alternative<ReadFile>(operation);
        published_ = false;
        if (!verifies) return {};
        return reply_of(FileStatus::ok, written());
      }
      FileReply altered(const FileReply& reply) override {
        published_ = is_create() && reply.status == FileStatus::ok;
        return reply;
      }

     private:
      bool published_ = false;
    };
    return std::make_unique<Credulous>(claim, clock);
  }
};

/// The release does not look whose file it removes.
class UnconditionalRelease final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_release(Machine& release, SimClock& clock,
                                         const std::string& token) const override {
    class Sure final : public Double {
     public:
      Sure(Machine& inner, SimClock& clock, std::string token)
          : Double{inner, clock}, token_{std::move(token)} {}
      std::optional<FileReply> answer(const FileOperation& operation) override {
        if (!std::holds_alternative<ReadFile>(operation)) return {};
        return reply_of(FileStatus::ok, token_);
      }

     private:
      std::string token_;
    };
    return std::make_unique<Sure>(release, clock, token);
  }

 private:
  void change(Setup& setup) const override { setup.contenders.release_elsewhere = 300; }
};

/// A claim that landed late is removed.
class LateClaimRemoved final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& knobs) const override {
    class Tidy final : public Double {
     public:
      Tidy(Machine& inner, SimClock& clock, Duration limit) : Double{inner, clock}, limit_{limit} {}
      Step on_reply(const FileReply& reply) override {
        switch (state_) {
          case State::passes:
            if (!is_create() || clock().now() - operation_began() <= limit_) break;
            state_ = State::looks;
            return FileOperation{ReadFile{"lock", kRecordLimit}};
          case State::looks:
            if (reply.status != FileStatus::ok || reply.content != written()) return give_up();
            state_ = State::removes;
            return FileOperation{RemoveFile{"lock"}};
          case State::removes:
            return give_up();
        }
        return Double::on_reply(reply);
      }

     private:
      enum class State { passes, looks, removes };
      Step give_up() {
        state_ = State::passes;
        return Double::on_reply(reply_of(FileStatus::failed));
      }
      Duration limit_;
      State state_ = State::passes;
    };
    return std::make_unique<Tidy>(claim, clock, knobs.delay / 3);
  }
};

/// A claim that landed late is verified after the ordinary delay.
class LateClaimEntered final : public Mutant {
 public:
  using Mutant::Mutant;

 private:
  void change(Setup& setup) const override { setup.contenders.late_hold = Duration::zero(); }
};

/// The clock stands still while an operation is under way: suspend is not counted.
class BlindClock final : public Mutant {
 public:
  enum class Where { claim, release };
  BlindClock(std::string_view name, Family family, std::uint64_t budget, Where where)
      : Mutant{name, family, budget}, where_{where} {}

  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& /*knobs*/) const override {
    if (where_ != Where::claim) return nullptr;
    return std::make_unique<Timeless>(claim, clock);
  }
  std::unique_ptr<Double> before_release(Machine& release, SimClock& clock,
                                         const std::string& /*token*/) const override {
    if (where_ != Where::release) return nullptr;
    return std::make_unique<Timeless>(release, clock);
  }

 private:
  void change(Setup& setup) const override {
    if (where_ == Where::release) setup.contenders.release_elsewhere = 300;
  }
  Where where_;
};

using Change = void (*)(Setup&);
void nothing_changed(Setup& /*setup*/) {}

/// The claim is told something else than what the share said.
class Misled final : public Mutant {
 public:
  using Alter = FileReply (*)(bool is_read, const FileReply& reply);
  Misled(std::string_view name, Family family, Alter alter, Change also = nothing_changed)
      : Mutant{name, family, 1'000}, alter_{alter}, also_{also} {}

  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& /*knobs*/) const override {
    return std::make_unique<Altering>(claim, clock, alter_);
  }

 private:
  class Altering final : public Double {
   public:
    Altering(Machine& inner, SimClock& clock, Alter alter) : Double{inner, clock}, alter_{alter} {}
    FileReply altered(const FileReply& reply) override { return alter_(is_read(), reply); }

   private:
    Alter alter_;
  };
  void change(Setup& setup) const override { also_(setup); }
  Alter alter_;
  Change also_;
};

FileReply stale_is_free(bool /*is_read*/, const FileReply& reply) {
  return reply.status == FileStatus::stale ? reply_of(FileStatus::not_found) : reply;
}

FileReply unreadable_is_free(bool is_read, const FileReply& reply) {
  const bool unreadable =
      reply.status == FileStatus::failed ||
      (reply.status == FileStatus::ok && !is_whole(parse_record(reply.content)));
  return is_read && unreadable ? reply_of(FileStatus::not_found) : reply;
}

FileReply busy_is_failure(bool /*is_read*/, const FileReply& reply) {
  return reply.status == FileStatus::exists ? reply_of(FileStatus::failed) : reply;
}

void more_errors(Setup& setup) { setup.share.error = 100; }

/// What a claim, or a release, asks to be removed is not removed.
class NotRemoved final : public Mutant {
 public:
  enum class Where { claim, release };
  NotRemoved(std::string_view name, Family family, Where where, FileStatus said)
      : Mutant{name, family, 1'000}, where_{where}, said_{said} {}

  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& /*knobs*/) const override {
    if (where_ != Where::claim) return nullptr;
    return std::make_unique<Idle>(claim, clock, said_);
  }
  std::unique_ptr<Double> before_release(Machine& release, SimClock& clock,
                                         const std::string& /*token*/) const override {
    if (where_ != Where::release) return nullptr;
    return std::make_unique<Idle>(release, clock, said_);
  }

 private:
  class Idle final : public Double {
   public:
    Idle(Machine& inner, SimClock& clock, FileStatus said) : Double{inner, clock}, said_{said} {}
    std::optional<FileReply> answer(const FileOperation& operation) override {
      if (!std::holds_alternative<RemoveFile>(operation)) return {};
      return reply_of(said_);
    }

   private:
    FileStatus said_;
  };
  Where where_;
  FileStatus said_;
};

/// A create that is denied is believed to be forbidden.
class Forbidden final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_claim(Machine& claim, SimClock& clock,
                                       const ContenderKnobs& /*knobs*/) const override {
    class NoScratch final : public Double {
     public:
      using Double::Double;
      std::optional<FileReply> answer(const FileOperation& operation) override {
        const auto* create = std::get_if<CreateExclusive>(&operation);
        if (create == nullptr || !create->content.empty()) return {};
        return reply_of(FileStatus::denied);
      }
    };
    return std::make_unique<NoScratch>(claim, clock);
  }
};

/// A removal that finds the file in use is a failure.
class InUseIsFailure final : public Mutant {
 public:
  using Mutant::Mutant;
  std::unique_ptr<Double> before_release(Machine& release, SimClock& clock,
                                         const std::string& /*token*/) const override {
    class Impatient final : public Double {
     public:
      using Double::Double;
      FileReply altered(const FileReply& reply) override {
        return reply.status == FileStatus::busy ? reply_of(FileStatus::failed) : reply;
      }
    };
    return std::make_unique<Impatient>(release, clock);
  }
};

std::vector<std::unique_ptr<Mutant>> all_mutants() {
  std::vector<std::unique_ptr<Mutant>> all;
  const auto add = [&all]<typename T>(std::unique_ptr<T> mutant) {
    all.push_back(std::move(mutant));
  };
  using Where = BlindClock::Where;
  add(std::make_unique<ShortDelay>("delay_50", 50, 1'000));
  add(std::make_unique<ShortDelay>("delay_80", 80, 1'000));
  add(std::make_unique<ShortDelay>("delay_95", 95, 4'000));
  add(std::make_unique<ShortDelay>("delay_at_the_bound", 100, 20'000));
  add(std::make_unique<OriginalRule>("original_rule", Family::theorem, 1'000));
  add(std::make_unique<WriteBackForgotten>("write_back_forgotten", Family::theorem, 5'000));
  add(std::make_unique<DelayFromTheLook>("delay_from_before_the_write", Family::theorem, 20'000));
  add(std::make_unique<Unverified>("unverified", Family::theorem, 1'000));
  add(std::make_unique<UnconditionalRelease>("unconditional_release", Family::theorem, 1'000));
  add(std::make_unique<LateClaimRemoved>("late_claim_removed", Family::late_claims, 20'000));
  add(std::make_unique<LateClaimEntered>("late_claim_entered", Family::late_claims, 1'000));
  add(std::make_unique<BlindClock>("late_claim_not_noticed", Family::late_claims, 1'000,
                                   Where::claim));
  add(std::make_unique<BlindClock>("old_look_published", Family::stalls, 1'000, Where::claim));
  add(std::make_unique<BlindClock>("old_look_removed", Family::stalls, 4'000, Where::release));
  add(std::make_unique<Misled>("stale_is_free", Family::theorem, stale_is_free));
  add(std::make_unique<Misled>("unreadable_is_free", Family::theorem, unreadable_is_free,
                               more_errors));
  add(std::make_unique<Misled>("busy_is_failure", Family::any_delay, busy_is_failure));
  add(std::make_unique<Forbidden>("denied_is_forbidden", Family::theorem_atomic, 1'000));
  add(std::make_unique<InUseIsFailure>("in_use_is_failure", Family::theorem_atomic, 1'000));
  // Nobody was told; and everybody was, without need.
  add(std::make_unique<NotRemoved>("not_withdrawn", Family::theorem, NotRemoved::Where::claim,
                                   FileStatus::ok));
  add(std::make_unique<NotRemoved>("nothing_released", Family::any_delay,
                                   NotRemoved::Where::release, FileStatus::failed));
  add_takeover_mutants(all);
  add_recovery_mutants(all);
  return all;
}

}  // namespace

Setup Mutant::setup(std::uint64_t seed) const {
  Setup setup = draw_setup(seed, family_);
  change(setup);
  setup.contenders.mutant = this;
  return setup;
}

std::unique_ptr<Double> Mutant::before_claim(Machine& /*claim*/, SimClock& /*clock*/,
                                             const ContenderKnobs& /*knobs*/) const {
  return nullptr;
}

std::unique_ptr<Double> Mutant::before_release(Machine& /*release*/, SimClock& /*clock*/,
                                               const std::string& /*token*/) const {
  return nullptr;
}

std::unique_ptr<Double> Mutant::before_break(Machine& /*claim*/, SimClock& /*clock*/) const {
  return nullptr;
}

const std::vector<std::unique_ptr<Mutant>>& mutants() {
  static const std::vector<std::unique_ptr<Mutant>> all = all_mutants();
  return all;
}

const Mutant* find_mutant(std::string_view name) {
  const auto found = std::find_if(mutants().begin(), mutants().end(),
                                  [name](const auto& mutant) { return mutant->name() == name; });
  return found == mutants().end() ? nullptr : found->get();
}

}  // namespace ufl::sim

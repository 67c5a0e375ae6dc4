// SPDX-License-Identifier: MIT

#include "sim/recorder.hpp"

#include <variant>

namespace ufl::sim {

namespace {

void add(Digest& digest, const OnlyIf& only_if) {
  digest.add(only_if.has_value());
  if (only_if) digest.add(*only_if);
}

/// Adds one step; which kind it is, is told apart by a number of its own.
class Adder {
 public:
  explicit Adder(Digest& digest) : digest_{digest} {}

  void operator()(const FileOperation& operation) const {
    digest_.add(operation.index());
    std::visit(*this, operation);
  }
  void operator()(const ReadFile& read) const {
    digest_.add(read.path);
    digest_.add(read.limit);
    digest_.add(read.asks_keeper);
    digest_.add(read.with_directory);
  }
  void operator()(const CreateExclusive& create) const {
    digest_.add(create.path);
    digest_.add(create.content);
    digest_.add(create.sync);
    digest_.add(create.kept);
  }
  void operator()(const RemoveFile& remove) const {
    digest_.add(remove.path);
    add(digest_, remove.only_if);
  }
  void operator()(const ReplaceFile& replace) const {
    digest_.add(replace.path);
    digest_.add(replace.from);
    add(digest_, replace.only_if);
  }
  void operator()(const UpdateFile& update) const {
    digest_.add(update.path);
    digest_.add(update.expected);
    digest_.add(update.content);
    digest_.add(update.sync);
    digest_.add(update.locked);
    digest_.add(update.restores);
  }
  void operator()(const ProbeDirectory& probe) const { digest_.add(probe.path); }
  void operator()(const WaitUntil&) const {}
  void operator()(const LooksFree&) const {}
  void operator()(const Acquired&) const {}
  void operator()(const Finished&) const {}

 private:
  Digest& digest_;
};

void begin(Digest& digest, const World& world, int who) {
  digest.add(who);
  digest.add(world.now().count());
}

void add(Digest& digest, const Sighting& seen) {
  digest.add(static_cast<int>(seen.kind));
  digest.add(seen.token);
}

}  // namespace

void record(World& world, int who, const Step& step) {
  // How it ended is told by itself; and a wait when it begins.
  const bool is_done =
      std::holds_alternative<FileOperation>(step) || std::holds_alternative<LooksFree>(step);
  if (!is_done) return;
  Digest& digest = world.digest();
  begin(digest, world, who);
  digest.add(step.index());
  std::visit(Adder{digest}, step);
}

void record(World& world, int who, Mono wait) {
  if (wait == Mono::max()) return;
  Digest& digest = world.digest();
  begin(digest, world, who);
  digest.add(wait.time_since_epoch().count());
}

void record(World& world, int who, const ClaimResult& result) {
  Digest digest;
  begin(digest, world, who);
  digest.add(static_cast<int>(result.outcome));
  digest.add(result.token);
  digest.add(result.record);
  digest.add(result.begun.time_since_epoch().count());
  digest.add(result.look_to_write.count());
  digest.add(static_cast<int>(result.failure.reply.status));
  for (const bool flag :
       {result.kept, result.left_behind, result.replaced, result.flocked, result.may_not_replace}) {
    digest.add(flag);
  }
  world.digest().add_apart(digest);
}

void record(World& world, int who, const KeepResult& result) {
  Digest digest;
  begin(digest, world, who);
  digest.add(static_cast<int>(result.outcome));
  add(digest, result.seen);
  digest.add(result.not_restored);
  world.digest().add_apart(digest);
}

void record(World& world, int who, const RefreshResult& result) {
  Digest digest;
  begin(digest, world, who);
  digest.add(static_cast<int>(result.outcome));
  add(digest, result.seen);
  const Failure& failure = result.failure;
  digest.add(result.outcome == RefreshResult::Outcome::failed &&
             failure.reason == FailureReason::answer &&
             std::holds_alternative<UpdateFile>(failure.operation));
  digest.add(result.refreshed.time_since_epoch().count());
  world.digest().add_apart(digest);
}

void record(World& world, int who, const ReleaseResult& result) {
  Digest digest;
  begin(digest, world, who);
  digest.add(static_cast<int>(result.outcome));
  add(digest, result.seen);
  const Failure& failure = result.failure;
  digest.add(result.outcome == ReleaseResult::Outcome::failed &&
             failure.reason != FailureReason::too_slow &&
             std::holds_alternative<RemoveFile>(failure.operation));
  world.digest().add_apart(digest);
}

}  // namespace ufl::sim

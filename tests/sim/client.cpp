// SPDX-License-Identifier: MIT

#include "sim/client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <variant>

#include "sim/identity.hpp"
#include "sim/replies.hpp"

namespace ufl::sim {

namespace {

constexpr std::string_view kLock = "lock";

std::string text_of(const FileReply& reply) {
  switch (reply.status) {
    case FileStatus::ok:
      return reply.content.empty() ? "empty" : name_of(reply.content);
    case FileStatus::not_found:
      return "absent";
    case FileStatus::exists:
      return "EEXIST";
    case FileStatus::denied:
      return "EPERM";
    case FileStatus::stale:
      return "ESTALE";
    default:
      return "EIO";
  }
}

}  // namespace

Client::Client(World& world, Share& share, const ShareKnobs& knobs, int who,
               std::shared_ptr<const Process> process)
    : world_{world}, share_{share}, knobs_{knobs}, who_{who}, process_{std::move(process)} {}

void Client::start(const FileOperation& operation, Done done) {
  const Moment asked = world_.now();
  asked_ = asked;
  perform(operation, [this, asked, done = std::move(done)](FileReply reply) {
    slowest_ = std::max(slowest_, world_.now() - asked);
    if (asked_ == asked) asked_.reset();
    failures_ = reply.status == FileStatus::ok ? 0 : failures_ + 1;
    most_failures_ = std::max(most_failures_, failures_);
    done(std::move(reply));
  });
}

void Client::measure() {
  slowest_ = {};
  failures_ = most_failures_ = 0;
}

bool Client::was_well(Duration takes) const {
  const Duration under_way = asked_ ? world_.now() - *asked_ : Duration::zero();
  return std::max(slowest_, under_way) <= takes && most_failures_ < 2;
}

void Client::perform(const FileOperation& operation, Done done) {
  if (const auto* read_file = std::get_if<ReadFile>(&operation)) {
    read(*read_file, std::move(done));
  } else if (const auto* create_file = std::get_if<CreateExclusive>(&operation)) {
    create_file->path == kLock ? create(*create_file, done) : create_temporary(*create_file, done);
  } else if (const auto* remove_file = std::get_if<RemoveFile>(&operation)) {
    remove_file->path == kLock ? remove(remove_file->only_if, done)
                               : remove_temporary(remove_file->path, done);
  } else if (const auto* replace_file = std::get_if<ReplaceFile>(&operation)) {
    replace(*replace_file, done);
  } else if (const auto* update_file = std::get_if<UpdateFile>(&operation)) {
    update(*update_file, done);
  } else {
    reply(world_.now(), directory(), done);
  }
}

void Client::overwrite(const std::string& content, const Done& done) {
  const Landing when = landing(false);
  tell("opens for writing, truncating");
  land(content, when, !knobs_.two_steps);
  reply(when.returns, ok(), done);
}

Duration Client::lag(Duration most) {
  if (knobs_.steady) return most;
  return world_.chance(knobs_.held_back) ? world_.some_of(most) : Duration::zero();
}

void Client::tell(const std::string& text) const { world_.tell(who_, text); }

void Client::reply(Moment when, FileReply reply, const Done& done) {
  when_running(world_, when, process_, [reply = std::move(reply), done] { done(reply); });
}

Keeper Client::keeper_of(std::uint64_t inode) const {
  if (kept_ && *kept_ == inode) return Keeper::us;
  return share_.is_kept(inode) && !ignores_keepers_ ? Keeper::somebody : Keeper::nobody;
}

void Client::read(const ReadFile& operation, Done done) {
  world_.at(world_.now() + lag(knobs_.b), unless_stopped([this, operation, done = std::move(done)] {
              if (!process_->alive) return;
              FileReply seen = see();
              if (seen.content.size() > operation.limit) seen.content.resize(operation.limit);
              const bool may_be_cut = !seen.content.ends_with("}\n");
              if (operation.asks_keeper && seen.status == FileStatus::ok && may_be_cut) {
                seen.keeper = keeper_of(seen.identity);
              }
              looked_at_ = world_.now();
              if (world_.tells()) tell("reads: " + text_of(seen));
              Duration late = lag(knobs_.b);
              if (world_.chance(knobs_.stall)) late = world_.some_of(knobs_.longest_stall);
              reply(world_.now() + late, std::move(seen), done);
            }));
}

// Whoever is stopped may be in the middle of a system call, which is done all the same, or between
// two of them.
World::Action Client::unless_stopped(World::Action action) {
  return [this, action = std::move(action)] {
    if (!process_->stopped(world_.now()) || world_.chance(500)) return action();
    world_.at_first(process_->stopped_until, unless_stopped(action));
  };
}

// What a call has returned from is written back by the host, whether the process is stopped or not.
World::Action Client::unless_in_the_call(Moment returns, World::Action action) {
  const auto has_returned = std::make_shared<bool>(false);
  world_.at_first(returns,
                  [this, has_returned] { *has_returned = !process_->stopped(world_.now()); });
  return [this, has_returned, action = std::move(action)] {
    if (!*has_returned) return unless_stopped(action)();
    if (world_.now() >= process_->asleep_until) return action();
    world_.at_first(process_->asleep_until, action);
  };
}

FileReply Client::see() {
  if (world_.chance(knobs_.error)) return refused(FileStatus::failed, EIO);
  if (world_.now() < pending_until_ && world_.chance(500)) {
    return pending_ ? ok(*pending_, pending_inode_) : refused(FileStatus::not_found, ENOENT);
  }
  return see_server();
}

FileReply Client::see_server() {
  if (share_.current().exists && world_.chance(knobs_.stale_lie)) {
    return refused(FileStatus::stale, ESTALE);
  }
  const auto versions = knobs_.at_server ? share_.visible().last(1) : share_.visible();
  const auto before = versions.first(versions.size() - 1);
  const bool was_there = std::any_of(before.begin(), before.end(),
                                     [](const Version& version) { return version.exists; });
  if (was_there && world_.chance(knobs_.stale)) return refused(FileStatus::stale, ESTALE);
  const Version* seen = &versions.back();
  if (!before.empty() && world_.chance(knobs_.old_view)) {
    seen = world_.chance(500) ? &versions.front() : &versions[world_.below(versions.size())];
  }
  if (!seen->exists) return refused(FileStatus::not_found, ENOENT);
  const bool fresh = seen->since + knobs_.v >= world_.now();
  if (fresh && world_.chance(knobs_.torn)) {
    const std::size_t length = world_.below(seen->content.size() + 1);
    std::string part = seen->content.substr(0, length);
    if (length < seen->before.size()) part += seen->before.substr(length);
    return ok(std::move(part), seen->inode);
  }
  return ok(seen->content, seen->inode);
}

Client::Landing Client::landing(bool may_be_overdue) {
  const Moment now = world_.now();
  // One client's operations land in order.
  const Moment earliest = std::max(now, on_its_way_until_) + knobs_.create_takes;
  const Moment by_look = looked_at_ + knobs_.b;
  // Asked for later than that: only the caches still add to it.
  const Moment latest = earliest <= by_look ? by_look : earliest + knobs_.w;
  Landing when;
  when.ends = earliest + lag(latest - earliest);
  when.begins = when.ends;
  when.returns = when.ends + lag(knobs_.b);
  if (may_be_overdue && world_.chance(knobs_.overdue)) {
    when.ends = earliest + world_.some_of(knobs_.longest_overdue);
    when.begins = when.returns = when.ends;
  } else if (knobs_.w > Duration::zero() && world_.chance(700)) {
    when.returns = std::max(now, when.ends - knobs_.w);
  }
  if (knobs_.two_steps) when.begins = earliest + world_.some_of(when.ends - earliest);
  // A name is made before the call returns; only content is written back later.
  if (knobs_.atomic_create) when.returns = std::max(when.returns, earliest);
  if (knobs_.two_steps || knobs_.atomic_create) when.begins = std::min(when.begins, when.returns);
  on_its_way_until_ = when.ends;
  return when;
}

// What one client asks for happens in the order in which it asked, also at the same moment.
void Client::at_server(Moment when, World::Action action) {
  at_server_.push(std::move(action));
  world_.at_first(when, [this] {
    const World::Action next = std::move(at_server_.front());
    at_server_.pop();
    next();
  });
}

// A host that dies loses what it has not sent yet, by chance. A process that is killed loses, by
// chance, what it is about to do; what it was told has been done is its host's to send.
bool Client::was_not_sent(const Landing& when) {
  const bool is_done = process_->killed && when.returns <= *process_->killed;
  return !process_->alive && !is_done && world_.chance(500);
}

void Client::land(const std::string& content, const Landing& when, bool whole) {
  pending_ = content;
  pending_inode_ = 0;
  pending_until_ = when.ends;
  const auto sent = [this, when] { return !was_not_sent(when); };
  if (whole) {
    return at_server(when.ends, [this, content, sent] {
      if (!sent()) return;
      if (world_.tells()) tell("what it wrote lands: " + name_of(content));
      share_.put(who_, content);
    });
  }
  const auto inode = std::make_shared<std::uint64_t>(0);
  at_server(when.begins, [this, sent, inode] {
    if (!sent()) return;
    tell("its truncation lands");
    *inode = share_.truncate(who_);
  });
  at_server(when.ends, [this, content, sent, inode] {
    if (*inode == 0 || !sent()) return;
    if (world_.tells()) tell("what it wrote lands: " + name_of(content));
    share_.write(who_, *inode, content);
  });
}

void Client::fail_later(const Landing& when, const Done& done) {
  betrayed_ = true;
  reply(world_.now() + lag(when.ends - world_.now()), refused(FileStatus::failed, EIO), done);
}

FileReply Client::already_exists() const {
  return knobs_.eperm_for_exists ? refused(FileStatus::denied, EPERM)
                                 : refused(FileStatus::exists, EEXIST);
}

// A client that asks again is told that the file exists by now.
FileReply Client::lost_reply() {
  return world_.chance(500) ? already_exists() : refused(FileStatus::failed, EIO);
}

FileReply Client::made(bool is_kept) {
  FileReply reply = ok();
  if (is_kept) reply.keeper = Keeper::us;
  return reply;
}

void Client::create(const CreateExclusive& operation, const Done& done) {
  if (world_.tells()) tell("creates " + name_of(operation.content));
  if (world_.chance(knobs_.error)) {
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::failed, EIO), done);
  }
  if (world_.chance(knobs_.refused)) {
    // No descriptors left, or the directory is not there for a moment: nothing was tried.
    tell("is told: EMFILE");
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::exhausted, EMFILE), done);
  }
  const Landing when = landing(true);
  if (knobs_.atomic_create) return create_exclusively(operation, when, done);
  // The client alone looks whether the file is there, and may take its last look's word for it.
  if (world_.chance(500) && see_server().status == FileStatus::ok) {
    tell("is told: EEXIST");
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::exists, EEXIST), done);
  }
  land(operation.content, when, !knobs_.two_steps);
  if (world_.chance(knobs_.lands_after_error)) return fail_later(when, done);
  const bool lost = world_.chance(knobs_.lost_reply);
  reply(when.returns, lost ? lost_reply() : ok(), done);
}

// On a local file system in two steps, the second one is taken under flock(2), which a taker of the
// empty file may have (sys/posix_file_system.cpp).
void Client::create_exclusively(const CreateExclusive& operation, const Landing& when,
                                const Done& done) {
  const bool at_once = when.begins == when.ends;
  const bool by_flock = !at_once && !operation.sync;
  const std::string& content = operation.content;
  const auto inode = std::make_shared<std::uint64_t>(0);
  const bool keeps = operation.kept && !operation.sync;
  at_server(when.begins, [this, content, when, done, at_once, by_flock, keeps, inode] {
    if (was_not_sent(when)) return;
    if (!share_.create(who_, at_once ? content : std::string{})) {
      tell(knobs_.eperm_for_exists ? "is told: EPERM" : "is told: EEXIST");
      return reply(world_.now() + lag(knobs_.b), already_exists(), done);
    }
    if (world_.tells()) tell("the file is made: " + name_of(content));
    if (keeps && process_->alive) kept_ = share_.keep();
    if (!at_once) {
      *inode = share_.current().inode;
      pending_ = content;
      pending_inode_ = *inode;
      pending_until_ = when.ends;
    }
    if (world_.chance(knobs_.full_disk)) {
      *inode = 0;
      return run_out_of_space(content, when.returns, done);
    }
    if (by_flock) return;  // it goes on
    const bool lost = world_.chance(knobs_.lost_reply);
    if (lost) tell("the reply is lost");
    reply(when.returns, lost ? lost_reply() : made(keeps), done);
  });
  if (at_once) return;
  at_server(when.ends, unless_stopped([this, content, when, done, by_flock, keeps, inode] {
              if (*inode == 0 || was_not_sent(when)) return;
              const bool is_taken = share_.current().inode == *inode && share_.locked();
              if (by_flock && is_taken) {
                tell("is told: EEXIST");
                pending_until_ = world_.now();
                return reply(world_.now() + lag(knobs_.b), already_exists(), done);
              }
              if (by_flock) reply(std::max(when.returns, world_.now()), made(keeps), done);
              if (world_.tells()) tell("its content lands: " + name_of(content));
              share_.write(who_, *inode, content);
            }));
}

// The file is made, and no more than a part of its content fits.
void Client::run_out_of_space(const std::string& content, Moment returns, const Done& done) {
  tell("the disk is full");
  share_.make_in_part(who_, content, world_.below(content.size()));
  pending_until_ = world_.now();
  FileReply failure = refused(FileStatus::failed, ENOSPC);
  failure.created = true;
  reply(returns, failure, done);
}

bool Client::is_in_use() {
  const bool in_use = knobs_.in_use > 0 && world_.chance(knobs_.in_use);
  if (in_use) tell("is told: EBUSY");
  return in_use;
}

FileReply Client::remove_now() {
  const bool removed = share_.remove(who_);
  tell(removed ? "the removal lands" : "the removal lands: nothing was there");
  return removed ? replied_twice(ok()) : refused(FileStatus::not_found, ENOENT);
}

// The first reply may be lost: a client that asks again is told that the name is gone by now.
FileReply Client::replied_twice(FileReply first) {
  if (!world_.chance(knobs_.lost_reply)) return first;
  tell("the reply is lost");
  return world_.chance(500) ? refused(FileStatus::not_found, ENOENT)
                            : refused(FileStatus::failed, EIO);
}

void Client::remove(const OnlyIf& only_if, const Done& done) {
  tell("removes the file");
  if (world_.chance(knobs_.error)) {
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::failed, EIO), done);
  }
  if (is_in_use()) {
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::busy, EBUSY), done);
  }
  const Landing when = landing(knobs_.overdue_removals);
  pending_.reset();
  pending_until_ = when.ends;
  const auto act = [this] { return remove_now(); };
  if (only_if) return guarded(*only_if, when, act, done);
  at_server(when.ends, [this, when, done] {
    if (was_not_sent(when)) return;
    FileReply said = remove_now();
    if (when.returns >= when.ends) reply(when.returns, std::move(said), done);
  });
  // Written back later.
  if (when.returns < when.ends) reply(when.returns, ok(), done);
}

}  // namespace ufl::sim

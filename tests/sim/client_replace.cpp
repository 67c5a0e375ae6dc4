// SPDX-License-Identifier: MIT
//
// What a client does to a file that is there: renames another over it, writes over its content.

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "sim/client.hpp"
#include "sim/identity.hpp"
#include "sim/replies.hpp"

namespace ufl::sim {

void Client::replace(const ReplaceFile& operation, const Done& done) {
  const auto temporary = temporaries_.find(operation.from);
  if (temporary == temporaries_.end()) {
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::not_found, ENOENT), done);
  }
  const std::string content = temporary->second;
  if (world_.tells()) tell("renames " + name_of(content) + " over the lock");
  if (world_.chance(knobs_.error)) {
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::failed, EIO), done);
  }
  if (is_in_use()) {
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::busy, EBUSY), done);
  }
  const bool is_anothers = share_.current().exists && share_.current().owner != who_;
  if (is_anothers && knobs_.not_ours > 0 && world_.chance(knobs_.not_ours)) {
    tell("is told: EPERM");
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::denied, EPERM), done);
  }
  const Landing when = landing(true);
  if (operation.only_if) {
    const auto act = [this, from = operation.from, content] {
      if (world_.tells()) tell("the rename lands: " + name_of(content));
      temporaries_.erase(from);
      share_.put(who_, content);
      if (keeps_next_) kept_ = share_.keep();
      return replied_twice(ok());
    };
    return guarded(*operation.only_if, when, act, done);
  }
  temporaries_.erase(temporary);
  land(content, when, true);
  if (world_.chance(knobs_.lands_after_error)) return fail_later(when, done);
  reply(when.returns, replied_twice(ok()), done);
}

// What flock(2) is for: it is taken, and the content compared, before the moment at which it lands,
// and between the two the process may be stopped.
void Client::guarded(const std::string& expected, const Landing& when, const Act& act,
                     const Done& done) {
  if (knobs_.at_server) return guarded_at_once(expected, when, act, done);
  const Moment opens =
      world_.now() +
      (world_.chance(500) ? when.ends - world_.now() : world_.some_of(when.ends - world_.now()));
  struct Guard {
    bool asked = false;
    std::uint64_t inode = 0;  // the one that it has locked
  };
  const auto guard = std::make_shared<Guard>();
  at_server(opens, unless_stopped([this, expected, done, guard] {
              if (!process_->alive) return;
              guard->asked = true;
              const Version& there = share_.current();
              const auto nothing_done = [&](FileStatus status, int error, const char* told) {
                tell(told);
                pending_until_ = world_.now();
                reply(world_.now() + lag(knobs_.b), refused(status, error), done);
              };
              if (!there.exists)
                return nothing_done(FileStatus::not_found, ENOENT, "is told: ENOENT");
              if (world_.chance(knobs_.flocked) || !share_.lock(process_)) {
                return nothing_done(FileStatus::busy, EWOULDBLOCK, "is told: EWOULDBLOCK");
              }
              const bool is_kept = expected.empty() && keeper_of(there.inode) == Keeper::somebody;
              if (there.content == expected && !is_kept) {
                guard->inode = there.inode;
                return;
              }
              share_.unlock(there.inode);
              nothing_done(FileStatus::changed, 0, "finds another record");
            }));
  at_server(when.ends, unless_stopped([this, when, act, done, guard] {
              const auto acts = [this, when, act, done, guard] {
                if (guard->inode == 0 || !process_->alive) return;
                reply(when.returns, act(), done);  // what was locked has no name any more
              };
              if (guard->asked || !process_->alive) return acts();
              world_.at_first(process_->stopped_until + std::chrono::nanoseconds{1}, acts);
            }));
}

// Beside clients who take no flock(2) nothing may come between what it guards: whoever is stopped
// there hangs inside one operation, which nobody bounds (protocol/claim.hpp).
void Client::guarded_at_once(const std::string& expected, const Landing& when, const Act& act,
                             const Done& done) {
  at_server(when.ends, unless_stopped([this, expected, when, act, done] {
              if (!process_->alive) return;
              const Moment returns = std::max(when.returns, world_.now());
              const Version& there = share_.current();
              if (!there.exists)
                return reply(returns, refused(FileStatus::not_found, ENOENT), done);
              if (share_.locked() || world_.chance(knobs_.flocked)) {
                return reply(returns, refused(FileStatus::busy, EWOULDBLOCK), done);
              }
              if (there.content != expected) {
                tell("finds another record");
                pending_until_ = world_.now();
                return reply(returns, refused(FileStatus::changed, 0), done);
              }
              reply(returns, act(), done);
            }));
}

// The file is opened, and what it holds compared, as this client sees it; what is written lands in
// that file, whether it has its name still or not. Nothing bounds the time between the two: whoever
// is stopped there writes when it goes on.
void Client::update(const UpdateFile& operation, const Done& done) {
  if (world_.tells()) tell("writes over " + name_of(operation.expected));
  world_.at(
      world_.now() + lag(knobs_.b), unless_stopped([this, operation, done] {
        if (!process_->alive) return;
        FileReply seen = see();
        looked_at_ = world_.now();
        const bool is_locked = operation.locked && share_.current().exists;
        if (is_locked && (world_.chance(knobs_.flocked) || !share_.lock(process_))) {
          tell("is told: EWOULDBLOCK");
          return reply(world_.now() + lag(knobs_.b), refused(FileStatus::busy, EWOULDBLOCK), done);
        }
        const bool may_write = !operation.restores || keeper_of(seen.identity) == Keeper::us;
        if (seen.status == FileStatus::ok && seen.content == operation.expected && may_write) {
          return write_over(seen.identity, operation, is_locked, done);
        }
        if (is_locked) share_.unlock(share_.current().inode);
        if (seen.status == FileStatus::ok) seen.status = FileStatus::changed;
        if (world_.tells()) tell("finds there: " + name_of(seen.content));
        reply(world_.now() + lag(knobs_.b), std::move(seen), done);
      }));
}

void Client::write_over(std::uint64_t inode, const UpdateFile& operation, bool is_locked,
                        const Done& done) {
  const std::string& content = operation.content;
  // 0: its own claim, which has not landed yet.
  if (inode == 0 || world_.chance(knobs_.error)) {
    if (is_locked) share_.unlock(inode);
    return reply(world_.now() + lag(knobs_.b), refused(FileStatus::failed, EIO), done);
  }
  const Landing when = landing(true);
  pending_ = content;
  pending_inode_ = inode;
  pending_until_ = when.ends;
  const bool restores = operation.restores;
  const auto lands = [this, inode, content, is_locked, restores, when] {
    // Whoever is killed lets go of the file when what it does there is done.
    if (is_locked ? !process_->alive : was_not_sent(when)) return;
    const bool named = share_.current().exists && share_.current().inode == inode;
    tell(named ? "what it wrote over lands" : "what it wrote over has no name any more");
    restores ? share_.restore(who_, inode, content, is_locked)
             : share_.update(who_, inode, content);
    if (is_locked) share_.unlock(inode);
  };
  at_server(when.ends, when.returns < when.ends ? unless_in_the_call(when.returns, lands)
                                                : unless_stopped(lands));
  if (may_hang_ && world_.chance(knobs_.hung)) {
    hangs_ = true;
    return tell("hangs");
  }
  const bool lost = world_.chance(knobs_.lost_reply);
  reply(when.returns, lost ? refused(FileStatus::failed, EIO) : ok(), done);
}

// A temporary file is its maker's alone: nobody else knows the name.
void Client::create_temporary(const CreateExclusive& operation, const Done& done) {
  tell("writes a temporary file");
  const auto answer = [&](FileReply said) {
    Duration takes = lag(knobs_.b);
    if (world_.chance(knobs_.overdue)) takes = world_.some_of(knobs_.longest_overdue);
    reply(world_.now() + takes, std::move(said), done);
  };
  if (world_.chance(knobs_.error)) return answer(refused(FileStatus::failed, EIO));
  if (world_.chance(knobs_.refused)) return answer(refused(FileStatus::exhausted, EMFILE));
  keeps_next_ = operation.kept && !operation.sync;
  std::string& file = temporaries_[operation.path];
  file = operation.content;
  if (!file.empty() && world_.chance(knobs_.full_disk)) {
    file.resize(world_.below(file.size()));
    FileReply failure = refused(FileStatus::failed, ENOSPC);
    failure.created = true;
    return answer(failure);
  }
  answer(world_.chance(knobs_.lost_reply) ? lost_reply() : made(keeps_next_));
}

void Client::remove_temporary(const std::string& name, const Done& done) {
  const bool fails = world_.chance(knobs_.error);
  const bool was_there = temporaries_.contains(name);
  if (fails) keeps_temporaries_ = was_there || keeps_temporaries_;
  if (!fails) temporaries_.erase(name);
  FileReply said = was_there ? ok() : refused(FileStatus::not_found, ENOENT);
  reply(world_.now() + lag(knobs_.b), fails ? refused(FileStatus::failed, EIO) : said, done);
}

}  // namespace ufl::sim

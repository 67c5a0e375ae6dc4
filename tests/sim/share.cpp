// SPDX-License-Identifier: MIT

#include "sim/share.hpp"

#include <utility>

namespace ufl::sim {

Share::Share(World& world, Duration v) : world_{world}, v_{v} { past_.push_back({}); }

std::span<const Version> Share::visible() const {
  const Moment now = world_.now();
  std::size_t first = past_.size() - 1;
  // A state is seen up to and including the moment V after its end; with V = 0 never after it.
  while (first > 0 && v_ > Duration::zero() && past_[first].since + v_ >= now) --first;
  return {past_.begin() + static_cast<std::ptrdiff_t>(first), past_.end()};
}

bool Share::create(int who, const std::string& content) {
  if (current().exists) return false;
  put(who, content);
  return true;
}

void Share::put(int who, const std::string& content) {
  change(who, {world_.now(), true, ++last_inode_, content, who, false, {}});
}

std::uint64_t Share::truncate(int who) {
  const std::uint64_t inode = current().exists ? current().inode : ++last_inode_;
  change(who, {world_.now(), true, inode, {}, who, false, {}});
  return inode;
}

void Share::write(int who, std::uint64_t inode, const std::string& content) {
  const Version& there = current();
  if (!there.exists || there.inode != inode) return;  // it has no name any more
  // A record of ufl's ends its line 1 itself, and is whole for whoever reads that line.
  const bool tail = there.content.size() > content.size() && !content.ends_with('\n');
  std::string mixed = there.content.size() > content.size()
                          ? content + there.content.substr(content.size())
                          : content;
  change(who, {world_.now(), true, inode, std::move(mixed), who, tail, {}});
}

void Share::update(int who, std::uint64_t inode, const std::string& content) {
  const Version& there = current();
  if (!there.exists || there.inode != inode || there.content == content) return;
  change(who, {world_.now(), true, inode, content, who, there.mixed, {}, there.content});
}

void Share::restore(int who, std::uint64_t inode, const std::string& content, bool is_locked) {
  const Version& there = current();
  if (!there.exists || there.inode != inode) return;
  Version next{world_.now(), true, inode, content, who, there.mixed, {}, there.content};
  next.intruded = !is_locked && locked();
  change(who, std::move(next));
}

void Share::cut(std::size_t length) {
  const Version& there = current();
  if (!there.exists || there.content.size() <= length) return;
  Version next = there;
  next.since = world_.now();
  if (next.cut_from.empty()) next.cut_from = there.content;
  next.before.clear();
  next.content.resize(length);
  change(there.owner, std::move(next));
}

Kept Share::keep() {
  auto kept = std::make_shared<const std::uint64_t>(current().inode);
  kept_[*kept] = kept;
  return kept;
}

bool Share::is_kept(std::uint64_t inode) const {
  const auto found = kept_.find(inode);
  return found != kept_.end() && !found->second.expired();
}

void Share::lose_content(int who) {
  const Version& there = current();
  if (!there.exists || there.owner != who) return;
  world_.tell(who, "loses what it has not flushed");
  change(who, {world_.now(), true, there.inode, {}, who, false, {}});
}

void Share::make_in_part(int who, const std::string& content, std::size_t length) {
  Version next{world_.now(), true, ++last_inode_, content.substr(0, length), who, false, content};
  change(who, std::move(next));
}

bool Share::remove(int who) {
  if (!current().exists) return false;
  change(who, {world_.now(), false, 0, {}, -1, false, {}});
  return true;
}

bool Share::lock(const std::shared_ptr<const Process>& process) {
  if (locked()) return false;
  locks_[current().inode] = process;
  return true;
}

bool Share::locked() const {
  const auto lock = locks_.find(current().inode);
  return current().exists && lock != locks_.end() && lock->second->alive;
}

void Share::change(int who, Version next) {
  past_.push_back(std::move(next));
  const Version& before = past_[past_.size() - 2];
  if (on_change_) on_change_(who, before, past_.back());
  for (const auto& tell : on_any_) tell();
  if (!before.exists || past_.back().exists) return;
  for (const auto& tell : on_removal_) tell();
}

}  // namespace ufl::sim

// SPDX-License-Identifier: MIT

#include "sim/host.hpp"

#include <utility>

#include "sim/identity.hpp"

namespace ufl::sim {

namespace {

constexpr std::uint64_t kUser = 1000;

// So few numbers that they come round.
constexpr std::int64_t kNumbers = 24;

}  // namespace

std::optional<Observation> Memory::recall(const std::string& key) {
  const auto found = kept_.find(key);
  return found == kept_.end() ? std::nullopt : std::optional{found->second};
}

void Memory::keep(const std::string& key, const Observation& observation) {
  kept_[key] = observation;
}

Host::Host(World& world, HostIds ids, Duration uptime, HostFlaw flaw)
    : world_{world}, ids_{std::move(ids)}, offset_{uptime - world.now()}, flaw_{flaw} {}

ProcessId Host::begin_process() {
  do {
    last_pid_ = (last_pid_ + 1) % kNumbers;
  } while (processes_.contains(ids_.first_pid + last_pid_));
  const ProcessStat& stat = add(ids_.first_pid + last_pid_);
  return {stat.pid, stat.start};
}

const ProcessStat& Host::add(std::int64_t pid) {
  ProcessStat& stat = processes_[pid];
  stat = {.pid = pid, .state = 'S', .threads = 1};
  stat.start = flaw_ == HostFlaw::all_starts_alike ? 0 : ++last_start_;
  return stat;
}

bool Host::is_there(const ProcessId& process) const {
  const auto found = processes_.find(process.pid);
  return found != processes_.end() && found->second.start == process.start;
}

void Host::end_process(const ProcessId& process) {
  if (!is_there(process)) return;
  processes_.erase(process.pid);
  for (const auto& tell : on_end_) tell(process);
}

void Host::leave_zombie(const ProcessId& process) {
  if (!is_there(process)) return;
  processes_[process.pid].state = 'Z';
  for (const auto& tell : on_end_) tell(process);
}

bool Host::runs(const ProcessId& process) const {
  return is_there(process) && !has_ended(processes_.at(process.pid));
}

void Host::reuse(std::int64_t pid) {
  if (processes_.contains(pid) || processes_.size() + 2 > kNumbers / 2) return;
  add(pid);
}

void Host::reboot(std::string boot) {
  ids_.boot = std::move(boot);
  offset_ = -world_.now();
  processes_.clear();
  lifelines_.clear();
  witnesses_.clear();
  memory_.clear();
}

std::optional<ProcessStat> Host::find(std::int64_t pid) {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? std::nullopt : std::optional{found->second};
}

ProcessList Host::all() {
  ProcessList list;
  for (const auto& [pid, stat] : processes_) list.processes.push_back(stat);
  return list;
}

LifelineState Host::probe_lifeline(std::string_view uuid) {
  const auto found = lifelines_.find(uuid);
  return found != lifelines_.end() && found->second > 0 ? LifelineState::up : LifelineState::down;
}

bool Host::is_witnessed(std::uint64_t uid, std::string_view uuid) {
  if (flaw_ == HostFlaw::all_are_witnessed) return true;
  return uid == kUser && witnesses_.contains(uuid);
}

HostedIdentity::HostedIdentity(World& world, Host& host, int who, const ProcessId& process,
                               Lifelines lifelines)
    : world_{world}, host_{host}, who_{who}, process_{process}, lifelines_{lifelines} {}

std::string HostedIdentity::new_uuid() { return token_of(who_, ++claims_); }

Holder HostedIdentity::self() {
  const HostIds& ids = host_.ids();
  Holder holder;
  holder.host = ids.name;
  if (!ids.machine.empty()) holder.machine = ids.machine;
  holder.boot = ids.boot;
  holder.netns = ids.netns;
  holder.pidns = ids.pidns;
  holder.timens = 1;
  holder.pid = process_.pid;
  holder.start = process_.start;
  holder.uid = kUser;
  return holder;
}

bool HostedIdentity::hold_lifeline(const std::string& uuid) {
  let_go();
  if (!lifelines_.can_bind) return lifelines_.promises;
  host_.keep_lifeline(uuid);
  lifeline_ = uuid;
  return true;
}

void HostedIdentity::let_go() {
  if (lifeline_.empty()) return;
  host_.drop_lifeline(lifeline_);
  lifeline_.clear();
}

std::uint64_t HostedIdentity::random() { return random_wait(world_); }

}  // namespace ufl::sim

// SPDX-License-Identifier: MIT
//
// A simulated host: what its processes share, and what they see of one another. A container is a
// host beside another with its boot; two machines that go on from one snapshot are two hosts of the
// same names and numbers.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seams/host_signs.hpp"
#include "seams/identity.hpp"
#include "seams/observations.hpp"
#include "sim/world.hpp"

namespace ufl::sim {

/// Names and numbers of a host.
struct HostIds {
  std::string name;
  std::string boot;
  std::string machine;  ///< empty: it knows of none
  std::uint64_t netns = 1;
  std::uint64_t pidns = 1;
  std::int64_t first_pid = 1;
};

/// A way to break what a host remembers, or shows.
enum class HostFlaw {
  none,
  all_starts_alike,   ///< processes are told apart by their numbers alone
  all_are_witnessed,  ///< whatever ran anywhere is said to have run here
};

/// Keeps what processes saw for those that come after them, until the host is started anew.
class Memory final : public Observations {
 public:
  std::optional<Observation> recall(const std::string& key) override;
  void keep(const std::string& key, const Observation& observation) override;
  void forget(const std::string& key) override { kept_.erase(key); }
  void clear() { kept_.clear(); }

 private:
  std::map<std::string, Observation> kept_;
};

/// Processes, lifelines, witnesses.
class Host final : public HostSigns {
 public:
  /// `uptime`: what its clock shows now.
  Host(World& world, HostIds ids, Duration uptime, HostFlaw flaw);

  [[nodiscard]] const HostIds& ids() const { return ids_; }
  /// From true time to what its clock shows.
  [[nodiscard]] Duration offset() const { return offset_; }

  /// A process begins. Numbers are soon used again.
  ProcessId begin_process();
  /// It is gone; or it has ended, and nobody waits for it: a zombie.
  void end_process(const ProcessId& process);
  void leave_zombie(const ProcessId& process);
  /// Does it run?
  [[nodiscard]] bool runs(const ProcessId& process) const;
  /// Call `handler` for each process that ends, or becomes a zombie.
  void on_end(std::function<void(const ProcessId&)> handler) {
    on_end_.push_back(std::move(handler));
  }
  /// A number is taken by somebody who stays for ever.
  void reuse(std::int64_t pid);

  /// One more, or one less, keeps the lifeline of `uuid`.
  void keep_lifeline(const std::string& uuid) { ++lifelines_[uuid]; }
  void drop_lifeline(const std::string& uuid) { --lifelines_[uuid]; }

  void witness(const std::string& uuid) { witnesses_.insert(uuid); }
  void forget_witness(const std::string& uuid) { witnesses_.erase(uuid); }

  /// It is started anew: another boot, a clock that begins with it, and nothing that it remembers.
  void reboot(std::string boot);
  void rename(std::string name) { ids_.name = std::move(name); }

  [[nodiscard]] Memory& memory() { return memory_; }

  bool process_exists(std::int64_t pid) override { return processes_.contains(pid); }
  std::optional<ProcessStat> find(std::int64_t pid) override;
  std::vector<std::int64_t> children() override { return {}; }
  ProcessList all() override;
  LifelineState probe_lifeline(std::string_view uuid) override;
  bool is_witnessed(std::uint64_t uid, std::string_view uuid) override;

 private:
  const ProcessStat& add(std::int64_t pid);
  [[nodiscard]] bool is_there(const ProcessId& process) const;

  World& world_;
  HostIds ids_;
  Duration offset_;
  HostFlaw flaw_;
  std::int64_t last_pid_ = 0;
  std::uint64_t last_start_ = 0;
  std::map<std::int64_t, ProcessStat> processes_;
  std::vector<std::function<void(const ProcessId&)>> on_end_;
  std::map<std::string, int, std::less<>> lifelines_;
  std::set<std::string, std::less<>> witnesses_;
  Memory memory_;
};

/// A process of `host`, as the identity seam.
class HostedIdentity final : public Identity {
 public:
  /// `process`: the one that runs; `who`: the contender's number. `can_bind`: its host gives it
  /// lifelines; `promises`: what it says of that.
  struct Lifelines {
    bool can_bind = true;
    bool promises = true;
  };
  HostedIdentity(World& world, Host& host, int who, const ProcessId& process, Lifelines lifelines);
  HostedIdentity(const HostedIdentity&) = delete;
  HostedIdentity& operator=(const HostedIdentity&) = delete;
  ~HostedIdentity() override = default;

  std::string new_uuid() override;
  Holder self() override;
  bool hold_lifeline(const std::string& uuid) override;
  void leave_witness(const std::string& uuid) override { host_.witness(uuid); }
  void remove_witness(const std::string& uuid) override { host_.forget_witness(uuid); }
  std::uint64_t random() override;

  /// The lifeline that it keeps; empty: none.
  [[nodiscard]] const std::string& lifeline() const { return lifeline_; }
  /// The process has ended.
  void let_go();

 private:
  World& world_;
  Host& host_;
  int who_;
  ProcessId process_;
  Lifelines lifelines_;
  std::string lifeline_;
  int claims_ = 0;
};

}  // namespace ufl::sim

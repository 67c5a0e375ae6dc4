// SPDX-License-Identifier: MIT
//
// The mutants that judge who is gone, keep a lease or refresh one in a way that is not safe; and
// those after which nobody ever gets the lock of one who is gone.

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/mutants.hpp"

namespace ufl::sim {

namespace {

using std::chrono::seconds;

/// A flaw of every contender, in histories in which it can matter.
class Flawed final : public Mutant {
 public:
  using Change = std::function<void(Setup&)>;
  Flawed(std::string_view name, Family family, std::uint64_t budget, RecoveryFlaw flaw, Change also)
      : Mutant{name, family, budget}, flaw_{flaw}, also_{std::move(also)} {}

  Setup unbroken(std::uint64_t seed) const override {
    Setup setup = draw_setup(seed, family());
    setup.recovery.emptied = 0;  // but where that is what it is about
    also_(setup);
    settle(setup);
    return setup;
  }

 private:
  void change(Setup& setup) const override {
    setup = unbroken(setup.seed);
    setup.recovery.flaw = flaw_;
  }
  RecoveryFlaw flaw_;
  Change also_;
};

void as_drawn(RecoveryKnobs& /*knobs*/) {}

void with_leases(RecoveryKnobs& knobs) {
  knobs.leased = 1000;
  knobs.scripts = 0;
}

// Commands that outlive their lease: nobody stops them.
void with_stopped_wardens(RecoveryKnobs& knobs) {
  with_leases(knobs);
  knobs.hosts = 1;
  knobs.container = knobs.neighbour = false;
  knobs.stopped = knobs.warden_stopped = 1000;
  knobs.longest_stop = 3 * knobs.lease;
}

void with_scripts(RecoveryKnobs& knobs) {
  knobs.leased = 0;
  knobs.scripts = 1000;
}

void without_lifelines(RecoveryKnobs& knobs) {
  knobs.unbound = 500;
  knobs.orphans = 500;
  knobs.killed = 500;
}

void with_a_twin(RecoveryKnobs& knobs) {
  knobs.hosts = 2;
  knobs.twin = true;
  knobs.container = knobs.server = false;
}

void with_a_container(RecoveryKnobs& knobs) {
  knobs.hosts = 2;
  knobs.twin = knobs.neighbour = knobs.server = false;
  knobs.container = true;
}

void with_a_neighbour(RecoveryKnobs& knobs) {
  with_a_container(knobs);
  knobs.container = knobs.cloned = knobs.nameless = false;
  knobs.neighbour = true;
}

void with_a_server(RecoveryKnobs& knobs) {
  knobs.hosts = 2;
  knobs.twin = knobs.container = knobs.nameless = false;
  knobs.server = knobs.cloned = true;
}

void with_new_names(RecoveryKnobs& knobs) {
  knobs.hosts = 1;
  knobs.container = knobs.neighbour = knobs.nameless = false;
  knobs.leased = knobs.scripts = knobs.unbound = knobs.newer = 0;
  knobs.rebooted = 500;
  knobs.renamed = 1000;
}

void with_newer_ones(RecoveryKnobs& knobs) {
  with_leases(knobs);
  knobs.newer = 500;
}

void with_closed_lifelines(RecoveryKnobs& knobs) {
  knobs.leased = knobs.scripts = knobs.bound = 0;
  knobs.closes = 1000;
  knobs.killed = 500;
  knobs.killed_command = 0;
}

void with_emptied_files(RecoveryKnobs& knobs) { knobs.emptied = 700; }

void with_lone_numbers(RecoveryKnobs& knobs) {
  knobs.leased = knobs.scripts = 0;
  knobs.bound = 500;
  knobs.reused = 1000;
  knobs.killed = 500;
}

// Waiters with short leases, and answers that often take longer.
void with_slow_answers(Setup& setup) {
  ShareKnobs& share = setup.share;
  share.overdue = 300;
  share.longest_overdue = seconds{10};
  RecoveryKnobs& knobs = setup.recovery;
  with_leases(knobs);
  knobs.impatient = knobs.killed = 0;
  setup.contenders.impatient = setup.contenders.cancelled = 0;
  knobs.lease = std::max(3 * (2 * share.v + 2 * share.b + share.w), Duration{seconds{2}});
  knobs.kill_after = {};
}

// Leases that run out, and a ufl that is stopped for good, often while it stops its command.
void with_lost_leases(Setup& setup) {
  setup.share.error = 80;
  RecoveryKnobs& knobs = setup.recovery;
  with_leases(knobs);
  knobs.hosts = std::max(knobs.hosts, 2);
  knobs.stopped = knobs.frozen = 1000;
  knobs.killed = 0;
  knobs.longest_stop = 3 * knobs.lease;
  knobs.kill_after = knobs.lease / 2;
  setup.contenders.longest_hold = 3 * knobs.lease;
}

}  // namespace

void add_recovery_mutants(std::vector<std::unique_ptr<Mutant>>& all) {
  const auto add_in = [&all](std::string_view name, Family family, std::uint64_t budget,
                             RecoveryFlaw flaw, Flawed::Change also) {
    all.push_back(std::make_unique<Flawed>(name, family, budget, flaw, std::move(also)));
  };
  const auto add = [&add_in](std::string_view name, Family family, std::uint64_t budget,
                             RecoveryFlaw flaw, void (*also)(RecoveryKnobs&)) {
    add_in(name, family, budget, flaw, [also](Setup& setup) { also(setup.recovery); });
  };
  using Flaw = RecoveryFlaw;
  constexpr Family kLocal = Family::recovery_local;
  constexpr Family kShare = Family::recovery_share;
  add("lease_beats_lifeline", kLocal, 4'000, Flaw::lease_beats_lifeline, with_stopped_wardens);
  add("end_is_proof", kLocal, 4'000, Flaw::end_is_proof, as_drawn);
  add("mtime_for_beats", kShare, 4'000, Flaw::mtime_for_beats, with_leases);
  add("observation_of_another_boot", kShare, 4'000, Flaw::one_memory, with_leases);
  add("unpromised_lifeline", kLocal, 4'000, Flaw::unpromised_lifeline, without_lifelines);
  add("pid_without_start", kLocal, 4'000, Flaw::number_alone, with_lone_numbers);
  add("witness_not_asked_for", kShare, 1'000, Flaw::no_witness, with_a_twin);
  add("lifeline_of_another_network", kLocal, 1'000, Flaw::same_network, with_a_container);
  add("pid_of_another_namespace", kLocal, 4'000, Flaw::same_processes, with_a_container);
  add("name_is_proof", kLocal, 1'000, Flaw::name_proves, with_a_neighbour);
  add("name_is_asked_for", kLocal, 4'000, Flaw::name_is_asked_for, with_new_names);
  add("holders_mount_ignored", kShare, 1'000, Flaw::holders_mount_ignored, with_a_server);
  add("any_version_is_ours", kShare, 4'000, Flaw::any_version, with_newer_ones);
  add("command_before_its_record", kLocal, 4'000, Flaw::command_before_record,
      with_closed_lifelines);
  add("childless_at_once", kShare, 20'000, Flaw::childless_at_once, with_closed_lifelines);
  add("lease_from_the_end", kShare, 20'000, Flaw::lease_from_the_end, with_leases);
  add("never_fenced", kShare, 1'000, Flaw::never_fenced, with_leases);
  add("warden_only_continues", kShare, 4'000, Flaw::only_continued, with_leases);
  add_in("warden_trusts_a_stopper", kShare, 20'000, Flaw::trusts_a_stopper, with_lost_leases);
  add("refresh_revives", kShare, 4'000, Flaw::revived, with_scripts);
  add("claim_without_beats", kShare, 20'000, Flaw::beatless_claim, with_leases);
  constexpr Family kKept = Family::leases_kept;
  add("refresh_at_a_third", kKept, 1'000, Flaw::third_of_the_lease, as_drawn);
  add("claim_forgets_kill_after", kKept, 4'000, Flaw::kill_time_forgotten, as_drawn);
  add("blind_between_beats", kKept, 1'000, Flaw::blind_between_beats, as_drawn);
  add("directory_on_the_files_device", kKept, 1'000, Flaw::one_device, as_drawn);
  add("keeper_not_asked_for", kLocal, 4'000, Flaw::ignores_keepers, with_emptied_files);
  add("emptied_not_restored", kLocal, 4'000, Flaw::never_restores, with_emptied_files);
  add("restored_without_flock", kLocal, 4'000, Flaw::restores_unlocked, with_emptied_files);
  add("loss_not_noticed", Family::late_noticed, 4'000, Flaw::never_looks, as_drawn);
  add_in("never_too_slow", Family::late_noticed, 4'000, Flaw::never_too_slow, with_slow_answers);
}

}  // namespace ufl::sim

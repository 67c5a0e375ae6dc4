// SPDX-License-Identifier: MIT

#include "sim/recovery.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "sim/breaker.hpp"
#include "sim/identity.hpp"
#include "sim/run.hpp"

namespace ufl::sim {

namespace {

using std::chrono::seconds;

constexpr Duration kDay = std::chrono::hours{24};
constexpr Duration kClearing = seconds{5};
constexpr Duration kNoticing = seconds{1};
// From one run of cron to the next, and from one mishap of a host to the next, at most.
constexpr Duration kCron = seconds{20};
constexpr Duration kBetweenMishaps = seconds{20};
// And from one program that empties the file to the next.
constexpr Duration kBetweenEmptyings = seconds{5};
// PROC_PID_INIT_INO of Linux.
constexpr std::uint64_t kInitialPidNamespace = 0xEFFFFFFC;

std::string boot_id(int number) { return token_of(number, 0); }

// As the judge asks for it: 32 digits.
std::string machine_id(int number) {
  constexpr std::size_t kDigits = 32;
  std::string id = std::to_string(number);
  return id.insert(0, kDigits - id.size(), 'a');
}

// What the host meets that exports the share: its own disk, and what clients land there.
ShareKnobs at_server(ShareKnobs share) {
  share.at_server = share.atomic_create = true;
  share.v = share.w = Duration::zero();
  share.eperm_for_exists = false;
  share.torn = share.stale = share.stale_lie = share.lost_reply = share.lands_after_error = 0;
  return share;
}

// The delay is what its user gives with -d: `auto`, which is 0 there, knows of no clients before it
// has seen one.
ContenderKnobs at_server(ContenderKnobs contenders) {
  contenders.local = true;
  contenders.retry_grows = false;
  return contenders;
}

HostFlaw flaw_of(const RecoveryKnobs& knobs) {
  switch (knobs.flaw) {
    case RecoveryFlaw::number_alone:
      return HostFlaw::all_starts_alike;
    case RecoveryFlaw::no_witness:
      return HostFlaw::all_are_witnessed;
    default:
      return HostFlaw::none;
  }
}

}  // namespace

struct Recovery::Scene {
  /// Somebody on a host who wants the lock a few times.
  struct User {
    Host* host = nullptr;
    int who = -1;
    Run::Kind kind{};
    bool once = false;
    int rounds_left = 0;
    Run* run = nullptr;
    bool is_done = false;
  };

  Scene(const Setup& of, World& in)
      : setup{of},
        share{in, setup.share.v},
        monitor{in, share, setup.promises},
        world{in},
        around{in, share, monitor, setup.share, setup.contenders},
        server_share{at_server(setup.share)},
        server_contenders{at_server(setup.contenders)},
        stage{stage_of(setup.share, setup.contenders)},
        server_stage{stage_of(server_share, server_contenders)} {
    make_hosts();
    for (int i = 0; i < setup.ufl; ++i) add_user();
    for (int i = 0; i < setup.breakers; ++i) {
      breakers.push_back(std::make_unique<Breaker>(around, next_who++, kDay));
    }
    every(kClearing, [this] { monitor.clear_away(); });
    if (setup.breakers > 0) every(kNoticing, [this] { notice(); });
    for (auto& host : hosts) mishap_in(*host);
    if (setup.recovery.emptied > 0) empty_in(some_time(kBetweenEmptyings));
  }

  [[nodiscard]] Stage stage_of(const ShareKnobs& share_knobs, const ContenderKnobs& knobs) {
    const bool is_one = setup.recovery.flaw == RecoveryFlaw::one_memory;
    return {
        world, share, monitor, share_knobs, knobs, setup.recovery, is_one ? &one_memory : nullptr};
  }

  void make_hosts() {
    const RecoveryKnobs& knobs = setup.recovery;
    for (int i = 0; i < knobs.hosts; ++i) {
      HostIds ids{.name = "host" + std::to_string(i),
                  .boot = boot_id(++boots),
                  .machine = machine_id(i),
                  .netns = 1,
                  .pidns = kInitialPidNamespace,
                  .first_pid = 1 + 100 * i};
      Duration uptime = kDay * static_cast<int>(world.below(1000));
      const bool shares_boot = i == 1 && (knobs.container || knobs.twin);
      if (shares_boot) {
        ids.boot = hosts[0]->ids().boot;
        uptime = hosts[0]->offset();
      }
      if (i == 1 && knobs.container) {
        if (knobs.flaw != RecoveryFlaw::same_network) ids.netns = 2;
        if (knobs.flaw != RecoveryFlaw::same_processes) ids.pidns = 2;
      }
      if (i == 1 && (knobs.twin || knobs.neighbour)) ids.name = hosts[0]->ids().name;
      if (knobs.cloned || shares_boot) ids.machine = machine_id(0);
      if (knobs.nameless) ids.machine.clear();
      hosts.push_back(std::make_unique<Host>(world, std::move(ids), uptime, flaw_of(knobs)));
    }
  }

  void add_user() {
    const RecoveryKnobs& knobs = setup.recovery;
    auto user = std::make_unique<User>();
    user->host = hosts[world.below(hosts.size())].get();
    user->who = next_who++;
    user->kind = kind();
    user->once = world.chance(knobs.impatient);
    user->rounds_left = setup.contenders.rounds;
    users.push_back(std::move(user));
    next_round(*users.back());
  }

  Run::Kind kind() {
    const RecoveryKnobs& knobs = setup.recovery;
    if (knobs.newer > 0 && world.chance(knobs.newer)) return Run::Kind::newer;
    if (world.chance(knobs.scripts)) return Run::Kind::script;
    if (world.chance(knobs.bound)) return Run::Kind::bound;
    return world.chance(knobs.leased) ? Run::Kind::leased : Run::Kind::plain;
  }

  void next_round(User& user) {
    user.run = nullptr;
    user.is_done = user.rounds_left == 0;
    if (user.is_done) return;
    world.at(world.now() + world.some_of(setup.contenders.longest_pause), [this, &user] {
      --user.rounds_left;
      monitor.wants(user.who, true);
      begin(user);
    });
  }

  void begin(User& user) {
    const auto ended = [this, &user](bool acquired) { run_ended(user, acquired); };
    const int who = next_who++;
    const bool is_at_server = setup.recovery.server && user.host == hosts.front().get();
    const Stage& there = is_at_server ? server_stage : stage;
    std::unique_ptr<Run> run;
    if (user.kind == Run::Kind::plain || user.kind == Run::Kind::leased) {
      run = std::make_unique<CommandRun>(there, *user.host, who, user.kind, user.once, ended);
    } else {
      run = std::make_unique<ScriptRun>(there, *user.host, who, user.kind, user.once, ended);
    }
    user.run = run.get();
    runs.push_back(std::move(run));
    Run& started = *runs.back();
    prepare(started);
    started.start();
  }

  /// What will become of it.
  void prepare(Run& run) {
    const RecoveryKnobs& knobs = setup.recovery;
    const Duration span = setup.contenders.longest_hold + 3 * setup.contenders.delay + seconds{1};
    if (world.chance(knobs.stopped)) {
      const Duration time = world.some_of(knobs.longest_stop);
      world.at(world.now() + some_time(span), [&run, time] { run.stop(time); });
    }
    if (world.chance(knobs.robbed)) {
      world.at(world.now() + some_time(span), [this, &run] {
        if (run.is_told()) monitor.robs(run.who());
      });
    }
    if (world.chance(knobs.killed)) {
      const bool both = world.chance(knobs.killed_command);
      world.at(world.now() + some_time(span), [&run, both] { run.kill(both); });
    }
  }

  /// Any moment of the first `most`.
  Duration some_time(Duration most) {
    return kTick * static_cast<int>(world.below(static_cast<std::uint64_t>(most / kTick) + 1));
  }

  void run_ended(User& user, bool acquired) {
    if (acquired || !user.once) {
      monitor.wants(user.who, false);
      return next_round(user);
    }
    user.run = nullptr;
    world.at(world.now() + some_time(kCron), [this, &user] { begin(user); });
  }

  void every(Duration time, std::function<void()> action) {
    world.at(world.now() + time, [this, time, action = std::move(action)]() mutable {
      action();
      if (!done()) every(time, std::move(action));
    });
  }

  void notice() {
    const auto token = monitor.orphan();
    for (std::size_t i = 0; token && i < breakers.size(); ++i) {
      if (world.chance(100)) breakers[i]->notice(*token);
    }
  }

  void mishap_in(Host& host) {
    world.at(world.now() + some_time(kBetweenMishaps), [this, &host] {
      if (done()) return;
      if (world.chance(setup.recovery.rebooted)) {
        crash(host);
      } else if (world.chance(setup.recovery.suspended)) {
        sleep(host);
      }
      mishap_in(host);
    });
  }

  /// A program that does not know whose the file is opens it, and perhaps takes flock(2) on it for
  /// a while: sometimes before anybody can write into it again.
  void empty_in(Duration time) {
    world.at(world.now() + time, [this] {
      if (done()) return;
      if (world.chance(setup.recovery.emptied)) empty();
      empty_in(some_time(kBetweenEmptyings));
    });
  }

  void empty() {
    const Version& there = share.current();
    const auto owner = std::find_if(runs.begin(), runs.end(), [&](const auto& run) {
      return there.exists && run->who() == there.owner;
    });
    const bool is_theirs = owner != runs.end() && (*owner)->has_command();
    if (!is_theirs || there.content.empty()) return;
    world.tell(there.owner, "its file is emptied by a program");
    share.cut(world.chance(700) ? 0 : world.below(there.content.size()));
    const Version cut = share.current();
    if (world.chance(500)) {
      auto program = std::make_shared<Process>();
      if (share.lock(program)) {
        world.at(world.now() + world.some_of(seconds{3}), [program] { program->alive = false; });
      }
    }
    // It is told at once; what it does may take its time, several times over.
    Run& run = **owner;
    if (!run.keeps_watch()) return;
    const Duration overdue =
        setup.share.overdue > 0 ? setup.share.longest_overdue : Duration::zero();
    const Duration patience = seconds{5} + 10 * setup.share.b + 6 * overdue;
    world.at(world.now() + patience, [this, &run, cut] {
      const Version& now = share.current();
      const bool is_as_it_was = now.exists && now.inode == cut.inode && now.since == cut.since &&
                                now.content == cut.content;
      if (is_as_it_was && run.keeps_watch()) monitor.forgets(run.who());
    });
  }

  void crash(Host& host) {
    const Version there = share.current();
    bool was_its_own = false;
    for (auto& run : runs) {
      if (&run->host() != &host) continue;
      was_its_own = was_its_own || there.owner == run->who();
      run->crash();
    }
    // What was not on the disk yet, when the power failed.
    const bool is_fresh = world.now() - there.since < seconds{5};
    if (was_its_own && is_fresh && world.chance(setup.contenders.power_cut)) {
      monitor.dies(there.owner);
      share.lose_content(there.owner);
    }
    host.reboot(boot_id(++boots));
    const unsigned renamed = setup.recovery.renamed;
    if (renamed > 0 && world.chance(renamed)) host.rename("renamed" + std::to_string(boots));
  }

  void sleep(Host& host) {
    const Moment until = world.now() + world.some_of(setup.recovery.longest_stop);
    for (auto& run : runs) {
      if (&run->host() == &host) run->freeze(until);
    }
  }

  [[nodiscard]] bool done() const {
    const auto is_done = [](const auto& player) { return player->is_done; };
    const auto is_idle = [](const auto& breaker) { return breaker->done(); };
    return std::all_of(users.begin(), users.end(), is_done) &&
           std::all_of(breakers.begin(), breakers.end(), is_idle);
  }

  Setup setup;
  Share share;
  Monitor monitor;
  World& world;
  Memory one_memory;
  Surroundings around;
  ShareKnobs server_share;
  ContenderKnobs server_contenders;
  Stage stage;
  Stage server_stage;
  std::vector<std::unique_ptr<Host>> hosts;
  std::vector<std::unique_ptr<User>> users;
  std::vector<std::unique_ptr<Run>> runs;
  std::vector<std::unique_ptr<Breaker>> breakers;
  int next_who = 0;
  int boots = 0;
};

Recovery::Recovery(const Setup& setup, World& world)
    : scene_{std::make_unique<Scene>(setup, world)} {}

Recovery::~Recovery() = default;

Monitor& Recovery::monitor() { return scene_->monitor; }

}  // namespace ufl::sim

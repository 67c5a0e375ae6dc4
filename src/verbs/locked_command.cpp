// SPDX-License-Identifier: MIT

#include "verbs/locked_command.hpp"

#include <chrono>
#include <cstdlib>
#include <utility>

namespace ufl {

namespace {

// So long an orphan that has ended stands in the table of processes: a lease may be days.
constexpr Duration kReapInterval = std::chrono::seconds{1};

/// A line for each ufl that the command runs under: an outer one must find it (process/warden.hpp).
std::string all_tokens(const std::string& token) {
  const char* const outer = std::getenv("UFL_TOKENS");
  return outer == nullptr || *outer == '\0' ? token : std::string{outer} + '\n' + token;
}

}  // namespace

Command command_of(const Options& options) {
  return options.shell_string ? shell_command(*options.shell_string) : Command{options.command};
}

LockedCommand::LockedCommand(const Options& options, const World& world, EventLoop& loop,
                             Events events)
    : options_{options},
      world_{world},
      loop_{loop},
      events_{std::move(events)},
      command_{command_of(options)},
      relaying_{loop.make_timer()},
      reaping_{loop.make_timer()},
      child_{loop, world.signals, world.closed_fds, world.processes},
      relay_{*relaying_, child_, world.title, world.clock},
      warden_{loop, world.processes, world.title, world.clock} {}

// From now on, as they end.
void LockedCommand::reap_orphans() {
  orphans_.emplace(world_.processes, [this](std::int64_t pid) { return is_helper(pid); });
  ends_ = loop_.watch_children([this] { orphans_->reap_orphans(); });
  orphans_->reap_orphans();
}

bool LockedCommand::is_helper(std::int64_t pid) const {
  return pid == relay_.bystander() || pid == warden_.pid();
}

int LockedCommand::find() {
  executable_ = find_executable(command_.arguments.front());
  return executable_.error;
}

int LockedCommand::prepare(const std::string& path, const std::string& token) {
  token_ = token;
  ::setenv("UFL_LOCKFILE", path.c_str(), 1);
  ::setenv("UFL_TOKEN", token.c_str(), 1);
  ::setenv("UFL_TOKENS", all_tokens(token).c_str(), 1);
  int error = options_.kill_on_loss ? make_tree() : 0;
  if (error != 0) return error;
  error = child_.spawn(command_, executable_.path, {.die_with_parent = options_.lease.has_value()});
  if (error != 0) return error;
  if (tree_) tree_->set_command(child_.id(), child_.pidfd());
  if (orphans_) orphans_->set_command(child_.id(), child_.pidfd());
  return 0;
}

// What is below us now is nothing of the command's.
int LockedCommand::make_tree() {
  tree_.emplace(world_.processes, [this](std::int64_t pid) { return is_helper(pid); });
  return ProcessTree::adopt_orphans();
}

bool LockedCommand::begin_term(Mono stop_at, Mono kill_at) {
  term_error_ = warden_.start(token_, *tree_, stop_at, kill_at, options_.kill_after);
  if (term_error_ == 0) loop_.before_each(events_.on_wake);
  return term_error_ == 0;
}

bool LockedCommand::raise_term(Mono stop_at, Mono kill_at) {
  return warden_.raise(stop_at, kill_at);
}

void LockedCommand::dismiss_term() {
  warden_.dismiss();
  reaping_->cancel_timer();
}

bool LockedCommand::start() {
  if (!events_.may_run()) {
    child_.abandon();
    return false;
  }
  is_running_ = true;
  if (tree_) reap();
  child_.go([this](const CommandEnd& end) { ended(end); });
  relay_.start(world_.kept_file.fd());
  return true;
}

void LockedCommand::reap() {
  tree_->reap_orphans();
  reaping_->at(world_.clock.now() + kReapInterval, [this] { reap(); });
}

void LockedCommand::got_signal(const SignalEvent& event) {
  received_.insert(event.number);
  relay_.relay(event);
}

void LockedCommand::ended(const CommandEnd& end) {
  // A signal to the whole group may have killed the command before ufl has read its own.
  loop_.poll_signals();
  relay_.stop();
  events_.on_ended(end);
  if (stopper_) stopper_->command_ended();
}

void LockedCommand::stop(Mono kill_at) {
  const bool tells = warden_.end_term(kill_at);
  stopper_.emplace(*tree_, *reaping_, world_.clock);
  stopper_->begin(kill_at, tells, [this] {
    std::vector<std::int64_t> survivors;
    for (const Survivor& survivor : stopper_->survivors())
      survivors.push_back(survivor.process.pid);
    events_.on_stopped(survivors);
  });
}

}  // namespace ufl

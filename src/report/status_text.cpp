// SPDX-License-Identifier: MIT

#include "report/status_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "protocol/json_line.hpp"
#include "report/holder_json.hpp"
#include "report/holder_text.hpp"
#include "report/messages.hpp"
#include "report/text.hpp"
#include "seams/file_system.hpp"

namespace ufl {

namespace {

using State = InspectResult::State;

struct Words {
  std::string_view json;
  std::string_view text;
  std::string_view colour;
};

Words words_of(State state) {
  switch (state) {
    case State::free:
      return {"free", "free", "32"};
    case State::held:
      return {"held", "held", "33"};
    case State::unknown_holder:
      return {"unknown_holder", "held, unknown holder", "33"};
    case State::cannot_tell:
      break;
  }
  return {"cannot_tell", "cannot tell", "31"};
}

std::string_view name_of(Life life) {
  switch (life) {
    case Life::alive:
      return "alive";
    case Life::gone:
      return "gone";
    case Life::dead:
      return "dead";
    case Life::other_host:
      return "other_host";
    case Life::other_boot:
      return "other_boot";
    case Life::other_container:
      return "other_container";
    case Life::hidden:
      return "hidden";
    case Life::unknown:
      break;
  }
  return "untold";
}

// The process that keeps an emptied file is seen to live, though the file does not say which it is.
Life told_life(const LockStatus& lock) {
  return is_emptied(lock.look.seen) ? Life::alive : lock.life;
}

std::string next_of(const LockStatus& lock) {
  const bool held = lock.look.state == State::held || lock.look.state == State::unknown_holder;
  if (!held) return {};
  const Life life = told_life(lock);
  std::string next = next_step_text(lock.path, lock.look.seen, life, lock.local);
  const bool is_for_others = life != Life::alive && lock.hindrance.may_not_replace &&
                             lock.look.seen.kind != Sighting::Kind::unreadable;
  if (is_for_others) return "its owner, or root, can: " + next;
  const bool is_left_over = lock.look.seen.kind == Sighting::Kind::empty && life != Life::alive;
  const bool is_free = life == Life::dead || is_left_over;
  if (!is_free || lock.hindrance.flocked_by.empty()) return next;
  return fmt::format("see what process {0} does, or end it: ps -fp {0}",
                     lock.hindrance.flocked_by.front().pid);
}

// A dead holder is no help to a user who may not, or cannot, take the lock over.
std::string check_of(const LockStatus& lock) {
  const bool is_hindered = lock.life == Life::dead && lock.hindrance.is_there();
  return is_hindered
             ? "the holder is dead; it could be taken over, but " + hindrance_text(lock.hindrance)
             : life_text(lock.look.seen, told_life(lock));
}

std::string why_of(const LockStatus& lock) {
  if (lock.look.state != State::cannot_tell) return {};
  const std::string text = lock.mounted_alone ? mounted_alone_text(lock.path)
                                              : failure_text(lock.path, lock.look.failure);
  const std::string prefix = printable(lock.path) + ": ";  // it stands above
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string held_since(const Holder& holder, Wall now) {
  const auto& since = holder.since;
  const auto age = held_for(holder, now);
  if (age) return age_text(*age) + ", since " + *since;
  return since ? "since " + printable(*since) + " by the holder's clock" : std::string{};
}

// How to remove the stale temporaries, without a page of names.
std::string stale_temporaries_text(const LockStatus& lock) {
  constexpr std::size_t kMostNamed = 10;
  if (lock.stale_temporaries.empty()) return {};
  const std::string directory{directory_part(lock.path)};
  std::string names;
  std::size_t named = 0;
  for (const std::string& name : lock.stale_temporaries) {
    if (named == kMostNamed || !can_be_quoted(name)) continue;
    names += ' ' + shell_word(directory + name);
    ++named;
  }
  const std::size_t more = lock.stale_temporaries.size() - named;
  const std::string others = more == 0 ? std::string{} : fmt::format(" (and {} more)", more);
  return fmt::format("left over, may be removed{}: {}", others,
                     named == 0 ? "see the directory" : "rm" + names);
}

std::vector<std::string> printable_names(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  shown.reserve(names.size());
  for (const std::string& name : names) shown.push_back(printable(name));
  return shown;
}

}  // namespace

std::string status_text(const LockStatus& lock, Wall now, bool colour) {
  const Words words = words_of(lock.look.state);
  std::string text = printable(lock.path) + ": ";
  text +=
      colour ? fmt::format("\x1b[{}m{}\x1b[0m", words.colour, words.text) : std::string{words.text};
  text += '\n';
  const auto line = [&text](std::string_view label, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<10}{}\n", label, value);
  };
  const Sighting& seen = lock.look.seen;
  if (lock.look.state == State::held) {
    const HolderParts parts = holder_parts(seen, now);
    line("by", parts.who + (parts.pid.empty() ? "" : ", " + parts.pid));
    line("command", seen.holder.command ? printable(*seen.holder.command) : std::string{});
    line("held for", held_since(seen.holder, now));
    if (seen.holder.delay) line("delay", seconds_text(Seconds{*seen.holder.delay}));
    line("lease", seen.holder.lease ? seconds_text(Seconds{*seen.holder.lease}) : "none");
    line("check", check_of(lock));
  } else if (seen.kind != Sighting::Kind::foreign) {
    line("why", why_unknown_text(seen));
  }
  if (is_whole(seen)) line("token", printable(seen.token));
  line("why", why_of(lock));
  line("next", next_of(lock));
  line("litter", stale_temporaries_text(lock));
  return text;
}

std::string status_json(const LockStatus& lock, Wall now) {
  const auto unless_empty = [](const std::string& value) {
    return value.empty() ? std::nullopt : std::optional{value};
  };
  const bool is_emptied_file = is_emptied(lock.look.seen);
  const bool held = lock.look.state == State::held || is_emptied_file;
  const Life life = told_life(lock);
  const bool is_newer = lock.look.seen.kind == Sighting::Kind::unknown_version;
  JsonLine object;
  object.add("lock", valid_utf8(lock.path));
  object.add("state", std::string{words_of(lock.look.state).json});
  add_holder(object, lock.look.seen);
  const auto age = held_for(lock.look.seen.holder, now);
  object.add_or_null("held_for", age ? std::optional<std::int64_t>{age->count()} : std::nullopt);
  object.add_or_null("check", held ? std::optional{std::string{name_of(life)}} : std::nullopt);
  object.add_or_null("check_text", held       ? std::optional{check_of(lock)}
                                   : is_newer ? std::optional{why_unknown_text(lock.look.seen)}
                                              : std::nullopt);
  object.add_or_null("next", unless_empty(next_of(lock)));
  object.add_or_null("error", unless_empty(why_of(lock)));
  object.add("litter", printable_names(lock.stale_temporaries));
  return object.text() + '\n';
}

}  // namespace ufl

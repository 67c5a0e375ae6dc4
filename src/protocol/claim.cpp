// SPDX-License-Identifier: MIT

#include "protocol/claim.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "protocol/late.hpp"
#include "protocol/token.hpp"
#include "protocol/utc.hpp"

namespace ufl {

namespace {

// How long an unreadable claim of our own is read again before it is taken back: after the
// deadline, or where there is none.
constexpr Duration kVerifyGrace = std::chrono::seconds{1};
constexpr Duration kVerifyPatience = std::chrono::seconds{30};
constexpr Duration kVerifyRetry = std::chrono::milliseconds{250};

// On a share that needs so much of the lease for each answer nobody could keep the lock.
constexpr int kMostStaleReplies = 5;

// The first looks may wait for a share that is mounted just now.
constexpr int kMostSlowLooks = 3;

Observer observer_of(const ClaimOptions& options) {
  const auto patience =
      options.local ? std::optional{std::max(kEmptyPatience, 10 * options.delay)} : std::nullopt;
  return {patience, options.observations, options.observed_as};
}

// Whoever wrote that may not create exclusively; or he sees a share where we see our own disk, and
// others may do so with him.
bool may_see_less(const Sighting& seen, bool local) {
  if (seen.kind != Sighting::Kind::record) return is_whole(seen);
  return local && !both_local(seen, local);
}

std::optional<Mono> later(Mono start, std::optional<Duration> timeout) {
  if (!timeout) return std::nullopt;
  return start + *timeout;
}

}  // namespace

Claim::Claim(ClaimOptions options, const Clock& clock, Identity& identity)
    : options_{std::move(options)},
      clock_{clock},
      identity_{identity},
      backoff_{options_.retry, options_.retry_grows},
      observer_{observer_of(options_)} {}

Step Claim::start() {
  deadline_ = later(clock_.now(), options_.timeout);
  return look();
}

Step Claim::on_reply(const FileReply& reply) {
  switch (state_) {
    case State::look:
      return on_look(reply);
    case State::probe_directory:
      return on_directory(reply);
    case State::publish:
      return on_publish(reply);
    case State::write_scratch:
      return on_scratch(reply);
    case State::drop_scratch:
      return held_by_other();
    case State::look_after_publish:
      return on_look_after_publish(reply);
    case State::write_temporary:
      return on_temporary(reply);
    case State::second_look:
      return on_second_look(reply);
    case State::replace:
      return on_replace(reply);
    case State::drop_temporary:
      return on_dropped();
    case State::beat:
      return on_beat(reply);
    case State::verify:
      return on_verify(reply);
    case State::withdraw_look:
      return on_withdraw_look(reply);
    case State::withdraw_remove:
      return on_removed(reply);
    case State::idle:
    case State::looks_free:
    case State::lost_race:
    case State::delay:
    case State::verify_pause:
    case State::pause:
    case State::withdraw_pause:
    case State::finished:
      break;
  }
  return Finished{};
}

Step Claim::resume() {
  if (state_ == State::looks_free) {
    if (looks_ > 1 && is_over()) return give_up(Outcome::timed_out);
    return takes_over_ ? write_temporary() : publish();
  }
  if (state_ == State::pause) return resume_pause();
  if (clock_.now() < wait_until_) return WaitUntil{wait_until_};
  switch (state_) {
    case State::lost_race:
      return is_over() ? give_up(Outcome::timed_out) : look();
    case State::delay:
      return await_verify();
    case State::verify_pause:
      return verify();
    case State::withdraw_pause:
      return withdraw_look();
    default:
      return Finished{};
  }
}

Step Claim::cancel() {
  if (state_ == State::finished) return Finished{};
  if (withdrawing_) return resume();
  return give_up(Outcome::cancelled);
}

Step Claim::look() {
  is_glance_ = false;
  look_wanted_ = false;
  ++looks_;
  takes_over_ = false;
  result_.flocked = false;
  looked_at_ = clock_.now();
  return request(State::look, read_lock());
}

ReadFile Claim::read_lock() const { return {options_.path, kRecordLimit, options_.local}; }

Step Claim::on_look(const FileReply& reply) {
  fastest_look_ = std::min(fastest_look_, clock_.now() - looked_at_);
  const bool is_held = reply.status == FileStatus::ok && has_holder_line(reply.content);
  if (is_glance_ && is_held && !unaccounted_) return wait_on();
  bool is_own_rest = false;
  result_.may_not_replace = false;
  switch (reply.status) {
    case FileStatus::not_found:
      if (options_.local) {  // removed by hand: nothing flickers there
        unaccounted_ = false;
        observer_.saw({}, looked_at_, clock_.now());  // the next one may look the same
      }
      return looks_free();
    case FileStatus::ok:
      saw(parse_record(reply.content), reply);
      if (unaccounted_ && seen_.token == result_.token) {
        // Our own claim, which looked gone when it was to be verified, or of which nobody could say
        // whether it had been written.
        takes_over_ = replaces_;
        return published();
      }
      // Emptied by a program before it was verified; as long as we keep it, nobody else takes it
      // for left over.
      is_own_rest = reply.keeper == Keeper::us && record_.starts_with(reply.content);
      if (!options_.enclosing_token.empty() && seen_.token == options_.enclosing_token) {
        return finish(Outcome::already_held);
      }
      if (!may_take_over() && !is_own_rest) return held_by_other();
      result_.may_not_replace = was_denied(reply);
      return result_.may_not_replace ? held_by_other() : take_over(reply);
    case FileStatus::stale:
    case FileStatus::denied:
      // ESTALE of the file means "gone" while its directory opens; EACCES means "there, but not for
      // us to read", unless it is the directory that keeps us out.
      refused_ = reply;
      return request(State::probe_directory, ProbeDirectory{options_.path});
    case FileStatus::not_regular:
    case FileStatus::bad_path:
    case FileStatus::exhausted:
      return fail(reply);
    case FileStatus::exists:
    case FileStatus::changed:
    case FileStatus::busy:
    case FileStatus::failed:
      break;
  }
  saw_unreadable(reply);
  return held_by_other();
}

bool Claim::may_take_over() {
  was_abandoned_ = observer_.is_abandoned();
  if (is_ours(seen_.token)) return true;  // who is alive, and has no use for it
  const bool is_judged = is_whole(seen_) || seen_.kind == Sighting::Kind::garbled || was_abandoned_;
  return is_judged && options_.may_take_over(seen_, was_abandoned_);
}

Step Claim::on_directory(const FileReply& reply) {
  const bool opens = reply.status == FileStatus::ok;
  // A server that has just been restarted says ESTALE of files that are well. Where create may
  // overwrite, only "no such file" is free: the next look, which is a fresh lookup, tells.
  if (refused_.status == FileStatus::stale && opens && options_.atomic_create) return looks_free();
  if (refused_.status == FileStatus::denied && !opens) return fail(refused_);
  saw_unreadable(refused_);
  return held_by_other();
}

Step Claim::looks_free() {
  if (is_too_slow(fastest_look_)) {
    if (++slow_looks_ < kMostSlowLooks) return look();
    result_.look_to_write = fastest_look_;
    return give_up(Outcome::too_slow);
  }
  state_ = State::looks_free;
  return LooksFree{};
}

Step Claim::verify() {
  looked_at_ = clock_.now();
  late_ = false;  // what could be done for whoever was overwritten has been done
  return request(State::verify,
                 ReadFile{.path = options_.path, .limit = kRecordLimit, .with_directory = true});
}

Step Claim::on_verify(const FileReply& reply) {
  if (reply.status == FileStatus::ok) {
    // Mostly it is just what was written, and nothing has to be read in it.
    Sighting sighting;
    const bool is_as_written = reply.content == record_;
    if (!is_as_written) sighting = parse_record(reply.content);
    if (is_as_written || sighting.token == result_.token) {
      if (beat_is_due()) return beat_again();
      if (is_too_slow(result_.look_to_write) && !std::exchange(measured_anew_, true)) {
        measures_anew_ = true;
        return beat();
      }
      if (takes_over_) result_.replaced = true;
      result_.place = place_of(reply);
      result_.record = record_;
      return finish(Outcome::acquired);
    }
    saw(std::move(sighting), reply);
    return held_by_other();
  }
  if (reply.status == FileStatus::not_found || reply.status == FileStatus::not_regular) {
    // Somebody removed the claim, or the share flickers: nothing to enter on. The next look tells.
    return held_by_other();
  }
  // Unreadable: cannot tell, so neither enter nor walk away from what may be our own file.
  return try_again(State::verify_pause, reply);
}

Step Claim::try_again(State state, const FileReply& reply) {
  const Mono now = clock_.now();
  if (!verify_until_) {
    verify_until_ = deadline_ ? std::max(now, *deadline_) + kVerifyGrace : now + kVerifyPatience;
  }
  if (now >= *verify_until_) return fail(reply);
  return wait(state, std::min(now + kVerifyRetry, *verify_until_));
}

// That answer took so long that the last beat is too old by now.
Step Claim::beat_again() {
  if (++stale_replies_ < kMostStaleReplies) return beat();
  result_.look_to_write = std::max(result_.look_to_write, clock_.now() - looked_at_);
  return give_up(Outcome::too_slow);
}

Step Claim::give_up(Outcome outcome) {
  const bool has_no_holder = denied_since_ && !may_create_ && seen_.kind == Sighting::Kind::none;
  if (has_no_holder && outcome != Outcome::cancelled) {
    // Nobody was ever seen there, and nothing shows that it is not for reasons of its own.
    operation_ = CreateExclusive{options_.path, {}, false};
    if_seen_ = outcome;
    return fail(refused_);
  }
  return may_stand() ? withdraw(outcome) : finish(outcome);
}

Step Claim::finish(Outcome outcome) {
  result_.outcome = outcome;
  const bool leaves_nothing = outcome != Outcome::acquired && !result_.left_behind;
  if (leaves_nothing) remove_witness();
  if (outcome == Outcome::acquired) {
    // Of a free lock without a lease there is hardly ever anything, and it must not be slow.
    if (options_.lease || observer_.has_recalled()) observer_.end();
  } else {
    observer_.keep();
  }
  // Whoever was proven dead by his witness has nobody to remove it. Of all others the record may
  // name one that is not theirs.
  const bool took_over =
      outcome == Outcome::acquired && takes_over_ && ends_in_uuid(taken_from_.token);
  if (took_over && !both_local(taken_from_, options_.local) && options_.is_dead(taken_from_)) {
    identity_.remove_witness(std::string{uuid_of(taken_from_.token)});
  }
  state_ = State::finished;
  return Finished{};
}

Step Claim::fail(const FileReply& reply) {
  result_.failure = reply;
  result_.failed_operation = operation_;
  return may_stand() ? withdraw(Outcome::failed) : finish(Outcome::failed);
}

Step Claim::wait(State state, Mono until) {
  state_ = state;
  wait_until_ = until;
  // Told while it did something else: its own delay, for one.
  const bool looks_at_once = state == State::pause && look_wanted_;
  return WaitUntil{looks_at_once ? clock_.now() : until};
}

Step Claim::request(State state, FileOperation operation) {
  state_ = state;
  operation_ = std::move(operation);
  return operation_;
}

void Claim::saw(Sighting sighting, const FileReply& reply) {
  is_glance_ = false;
  sighting.identity = reply.identity;
  sighting.keeper = reply.keeper;
  const bool is_foreign = sighting.kind == Sighting::Kind::foreign;
  if (!is_foreign && may_see_less(sighting, options_.local)) observer_.keep_empty_files();
  observer_.saw(sighting, looked_at_, clock_.now());
  denied_since_.reset();
  if (is_whole(sighting) && sighting.token != result_.token && outdates_our_claim()) {
    give_up_claim();
  }
  if (sighting.token != seen_.token) backoff_.reset();
  // What was torn may have named no process.
  if (sighting.token != seen_.token || sighting.holder.pid != seen_.holder.pid) is_watched_ = false;
  if (may_see_less(sighting, options_.local) && options_.delay_is_auto) {
    options_.delay = std::max(options_.delay, kForeignDelay);
    if (raised_from_) raised_from_ = std::max(*raised_from_, kForeignDelay);
  }
  seen_ = std::move(sighting);
}

// Somebody else stands in its place. Should it show up all the same, by a beat of ours that lands
// late in the same file, it is nobody's.
void Claim::give_up_claim() {
  if (!std::exchange(unaccounted_, false) || options_.local) return;
  given_up_.push_back(result_.token);
  gave_up_late_ = gave_up_late_ || late_;
}

bool Claim::may_stand() const { return unaccounted_ || (options_.lease && !given_up_.empty()); }

void Claim::saw_unreadable(const FileReply& reply) {
  Sighting sighting;
  sighting.kind = Sighting::Kind::unreadable;
  sighting.error = reply.error;
  saw(std::move(sighting));
}

bool Claim::outdates_our_claim() const {
  return looked_at_ - published_at_ >= second_opinion(options_.local, options_.delay);
}

bool Claim::look_is_old() const {
  return clock_.now() - looked_at_ >
         max_look_age(is_alone(), options_.atomic_create, delay_of_others());
}

// What is late must be late for them: a longer delay, for a takeover, is ours alone.
Duration Claim::delay_of_others() const { return raised_from_.value_or(options_.delay); }

bool Claim::is_over() const { return options_.timeout != Duration::zero() && past_deadline(); }

bool Claim::is_ours(std::string_view token) const {
  return std::find(given_up_.begin(), given_up_.end(), token) != given_up_.end();
}

bool Claim::past_deadline() const { return deadline_ && clock_.now() >= *deadline_; }

}  // namespace ufl

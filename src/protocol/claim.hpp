// SPDX-License-Identifier: MIT
//
// Claim: from "I want the lock" to "I hold it".
//
//     look     read the lock file. There -> held: wait, look again. Absent -> publish.
//     publish  create it exclusively with a new token in it.
//     glance   while waiting, when told that the name may be free (look_soon()): is it? Whose
//              record is there is not understood, unless it is not ufl's: of a herd of waiters that
//              a release wakes, all but one come too late. Whoever must be proven dead is seen by
//              the looks in between: one follows soon, unless other glances come before it.
//     delay    wait D, counted from the return of close.
//     verify   read it afresh. My token -> held by me. Else somebody else won: wait, look.
//
// Guarantee (design: Fischer's timed mutual exclusion; Abadi & Lamport, "An Old-Fashioned Recipe
// for Real Time", 3.4): with V the longest time for which a client may see an old state of the
// share, B the longest time from a contender's look to the landing of what it decided on, and W the
// part of B after close returned, two claims never both end in `acquired` iff D > 2V + B + W. Where
// exclusive create is atomic at the server and everybody creates exclusively, they never do for any
// D.
//
// Not guaranteed: order among waiters; anything at all when a single system call lands later than B
// (a hung share), except what "late claims" below saves.
//
// After `acquired` the file is the caller's to release (protocol/release.hpp). After every other
// outcome nothing of this claim is left on the share, unless result().left_behind says so.
//
// Late claims: what was decided on an old look must not land on somebody's lock.
//   (a) Where create may overwrite (ClaimOptions::atomic_create is false): a look older than D/3 is
//       taken again before the write.
//   (b) Where create is atomic, lateness is harmless: the delay runs in full after it.
//   (c) Where it is not, a publish that took longer than D/3 may have replaced a winner (D alone
//       would not do: the theorem needs D > 2V + B + W, and what is not called late counts for B):
//         1 A, B look: absent.  2 A writes, waits D, verifies, runs.  3 B's write lands on A's.
//         4 B removes what it wrote.  5 C looks: absent, writes, verifies, runs beside A.
//       so B neither removes its claim nor enters on it until A has had time to leave, or to notice
//       and stop (ClaimOptions::late_hold), and only then counts its delay. Whoever
//       takes over from B meanwhile waits as long, unless create is atomic. Known gap: a holder
//       that neither leaves nor looks for longer than that has B beside it.
//
// With a lease the claim writes beats while it waits, as whoever holds a lock does (keep.hpp), and
// is acquired only with one that is fresh. A share that is seen to be too slow for the lease is not
// written to. Without beats:
//   1 B's late write lands on A's record; B keeps it, (c).  2 C has seen it for the length of its
//   lease, takes it over, runs beside A.
// A beat that may have come too late counts as a new claim on what stood there: the delay of a
// takeover runs in full after it (refresh.hpp).
//
// Takeover (ClaimOptions::may_take_over): the record of somebody who is gone is replaced, and so is
// a file of 0 bytes that was left over on a local file system: one that nobody keeps, for a program
// may have emptied that of a holder (`: > LOCKFILE`), who writes his record back (keep.hpp) as soon
// as he runs. The claim
// is written to a temporary file beside the lock; one more look must show exactly the record that
// was judged; the temporary file is renamed over it; delay, verify. Never removed and then created:
//   1 A, B look: X, gone.  2 A removes X, creates, waits, runs.  3 B removes A's file, creates.
// A rename overwrites on every share, so all of "late claims" holds for it, and its delay is at
// least ClaimOptions::takeover_delay. On a local file system nobody else can remove or replace the
// record meanwhile (seams/file_system.hpp, OnlyIf), unless the file system is a share for the
// holder (both_local.hpp): then what is said of shares goes for the takeover, too.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/backoff.hpp"
#include "protocol/both_local.hpp"
#include "protocol/claim_result.hpp"
#include "protocol/guard.hpp"
#include "protocol/late.hpp"
#include "protocol/observer.hpp"
#include "protocol/place.hpp"
#include "protocol/record.hpp"
#include "protocol/step.hpp"
#include "seams/clock.hpp"
#include "seams/file_system.hpp"
#include "seams/identity.hpp"
#include "seams/observations.hpp"

namespace ufl {

/// For so long a share may go on saying EPERM or EACCES to the creation of a file that nobody sees
/// (denied_for_long()); and after so long a takeover that was denied is tried again.
inline constexpr Duration kLongDenial = std::chrono::seconds{30};

/// What a claim is to do. Durations are not negative.
struct ClaimOptions {
  std::string path;
  std::string prefix;
  /// The holder's command line for the record, if it is to be told.
  std::optional<std::string> command;
  /// The lock outlives this process: the record names `lives_with` in its place, or nobody.
  bool detached = false;
  std::optional<ProcessId> lives_with;
  /// The token of the ufl that this process runs under, if any (UFL_TOKEN).
  std::string enclosing_token;
  Duration delay{};
  Duration retry{};
  bool delay_is_auto = false;
  /// Let the retry interval grow during a long wait.
  bool retry_grows = false;
  /// No new claim starts this long after the start; none: never give up; 0: one attempt.
  std::optional<Duration> timeout;
  /// The file system is local here. Whether it is for a holder, too, his record tells.
  bool local = false;
  /// Exclusive create is atomic for all clients of the share.
  bool atomic_create = false;
  /// A file can be written to in place here: the record may grow a child and beats.
  bool writes_in_place = true;
  /// How long a claim that may have overwritten a winner is kept before its delay begins: the time
  /// that a holder is given to notice that its lock is lost (30 s), and to stop its command (5 s).
  Duration late_hold = std::chrono::seconds{35};
  /// The holder gives a lease: others may take the lock over when it is not refreshed for so long.
  std::optional<Duration> lease;
  /// With a lease: from telling the command to stop to killing it.
  Duration kill_after{};
  /// What earlier processes have seen of this lock, and the name under which that is kept.
  Observations* observations = nullptr;
  std::string observed_as;
  /// May this holder's lock be taken over? Asked of every whole look that shows somebody else, and
  /// of a file of 0 bytes that is abandoned. `is_abandoned`: its lease, or the patience that an
  /// empty file is given, has run out on the clock of this host.
  /// Must give the same answer until something changes: a "no" after a "yes" is obeyed up to the
  /// second look only.
  std::function<bool(const Sighting& seen, bool is_abandoned)> may_take_over =
      [](const Sighting& /*seen*/, bool /*is_abandoned*/) { return false; };
  /// Does this host prove that nothing is left of him? Asked when his lock has been taken over.
  std::function<bool(const Sighting& seen)> is_dead = [](const Sighting& /*seen*/) {
    return false;
  };
  /// The shortest verification delay of a claim that takes a lock over.
  Duration takeover_delay{};
  /// So many takeovers may be lost to somebody else's touch of the record, before it counts as held
  /// (guard.hpp).
  int most_lost_races = kMaxBusyLooks;
  /// Nobody is told who holds the lock while it is waited for: whoever is told of a release needs
  /// not find out who came next (look_soon()).
  bool glances = true;
};

/// One claim on one lock. Drive it as step.hpp says.
class Claim final : public Machine {
 public:
  Claim(ClaimOptions options, const Clock& clock, Identity& identity);

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  [[nodiscard]] Step cancel() override;

  /// The lock file may have been removed just now: if somebody else's lock is being waited for, the
  /// next resume() sees whether it has. A hint: it may be wrong, and may be missing.
  void look_soon();

  /// The process of the holder that was seen has ended: the next resume() finds out whether
  /// anything is left of him. A hint as well.
  void holder_ended();

  /// Each removal is told from now on, by look_soon(). `interval`: the time between two looks at a
  /// holder whose end is told, too. Without it: nothing is told any more.
  void rely_on_hints(std::optional<Duration> interval);

  /// The end of the holder that was seen will be told, or he has no process that could end.
  void holder_is_watched() { is_watched_ = true; }

  /// Has the last look found out who holds the lock, rather than that somebody does (glance)?
  [[nodiscard]] bool knows_holder() const { return !is_glance_; }

  /// Valid after Finished.
  [[nodiscard]] const ClaimResult& result() const { return result_; }

  /// What the last look saw of the other holder.
  [[nodiscard]] const Sighting& seen() const { return seen_; }

  /// Is somebody else's lock being waited for, rather than our own delay?
  [[nodiscard]] bool waiting_for_other() const { return state_ == State::pause; }

  /// Is the claim kept for longer because it may have overwritten a winner (late claims, c)?
  [[nodiscard]] bool late() const { return late_ && state_ == State::delay; }

  /// For how long such a claim is kept before its delay begins.
  [[nodiscard]] Duration late_hold() const { return options_.late_hold; }

  /// takes_over(): because the patience with it has run out, rather than by proof.
  [[nodiscard]] bool was_abandoned() const { return was_abandoned_; }

  /// Has the creation been denied for kLongDenial, although no file is seen, and files can be made
  /// beside it?
  [[nodiscard]] bool is_denied_for_long() const;

  /// What the share says to the creation then, or to the last publish, look or takeover.
  [[nodiscard]] const FileReply& refused() const { return refused_; }

  /// LooksFree was asked for, or the lock acquired, by taking it over from taken_from().
  [[nodiscard]] bool takes_over() const { return takes_over_ && !is_ours(taken_from_.token); }

  /// takes_over(): who is gone.
  [[nodiscard]] const Sighting& taken_from() const { return taken_from_; }

  [[nodiscard]] bool local() const { return options_.local; }

  /// The lease that its record gives.
  [[nodiscard]] std::optional<Duration> lease() const { return options_.lease; }

  /// The verification delay in force: `auto` grows when a foreign record was seen, and every delay
  /// grows for a takeover, until that is lost.
  [[nodiscard]] Duration delay() const { return options_.delay; }

 private:
  using Outcome = ClaimResult::Outcome;
  enum class State {
    idle,
    look,
    probe_directory,
    looks_free,
    write_temporary,
    second_look,
    replace,
    drop_temporary,
    lost_race,
    publish,
    look_after_publish,
    write_scratch,
    drop_scratch,
    delay,
    beat,
    verify,
    verify_pause,
    pause,
    withdraw_look,
    withdraw_pause,
    withdraw_remove,
    finished,
  };

  Step look();
  [[nodiscard]] ReadFile read_lock() const;
  Step glance();
  Step wait_on();
  Step on_look(const FileReply& reply);
  bool may_take_over();
  Step on_directory(const FileReply& reply);
  Step looks_free();
  [[nodiscard]] bool may_have_a_command(const FileReply& reply);
  Step take_over(const FileReply& reply);
  [[nodiscard]] bool is_alone() const;
  Step write_temporary();
  Step on_temporary(const FileReply& reply);
  Step second_look();
  Step on_second_look(const FileReply& reply);
  Step on_replace(const FileReply& reply);
  Step look_again();
  Step denied_takeover();
  [[nodiscard]] bool was_denied(const FileReply& reply) const;
  Step lost_the_race();
  void note_late_takeover();
  Step drop_temporary(std::optional<FileReply> failure);
  Step on_dropped();
  [[nodiscard]] std::string temporary() const;
  Step publish();
  [[nodiscard]] bool outlived_its_lease() const;
  [[nodiscard]] bool beat_is_due() const;
  [[nodiscard]] Mono next_beat() const;
  [[nodiscard]] bool is_too_slow(Duration takes) const;
  void prepare_record();
  void promise_life(Holder& holder, const std::string& uuid);
  void remove_witness();
  void note_write();
  Step on_publish(const FileReply& reply);
  [[nodiscard]] bool is_surely_another(const FileReply& reply) const;
  Step on_look_after_publish(const FileReply& reply);
  Step denied();
  Step on_scratch(const FileReply& reply);
  Step may_not_create();
  Step published();
  Step await_verify();
  Step beat();
  Step beat_again();
  Step on_beat(const FileReply& reply);
  Step verify();
  Step on_verify(const FileReply& reply);
  Step try_again(State state, const FileReply& reply);
  Step held_by_other();
  Step resume_pause();
  [[nodiscard]] Mono next_look();
  [[nodiscard]] Mono in_time(Mono look) const;
  Step give_up(Outcome outcome);
  Step withdraw(Outcome outcome);
  Step withdraw_look();
  Step on_withdraw_look(const FileReply& reply);
  Step gone();
  enum class Unclear { may_be_ours, is_not_ours };
  Step unclear(Unclear verdict);
  Step remove_own(const FileReply& reply);
  Step on_removed(const FileReply& reply);
  Step leave_behind();
  Step finish(Outcome outcome);
  Step fail(const FileReply& reply);
  Step wait(State state, Mono until);
  Step request(State state, FileOperation operation);

  void saw(Sighting sighting, const FileReply& reply = {});
  void saw_unreadable(const FileReply& reply);
  void give_up_claim();
  /// Something of ours may stand on the share.
  [[nodiscard]] bool may_stand() const;
  /// Does the last look surely show a later state of the share than our publish left?
  [[nodiscard]] bool outdates_our_claim() const;
  /// Is the last look too old to write or remove anything on?
  [[nodiscard]] bool look_is_old() const;
  [[nodiscard]] Duration delay_of_others() const;
  [[nodiscard]] bool past_deadline() const;
  /// Is that the token of a claim of ours that we have given up?
  [[nodiscard]] bool is_ours(std::string_view token) const;
  /// The timeout of a claim that may make more than one attempt has passed.
  [[nodiscard]] bool is_over() const;

  ClaimOptions options_;
  const Clock& clock_;
  Identity& identity_;
  Backoff backoff_;
  std::optional<Backoff> hinted_;  // in place of it, for a holder who is watched

  State state_ = State::idle;
  std::optional<Mono> deadline_;  // none: never
  Sighting seen_;
  Observer observer_;
  ClaimResult result_;
  std::vector<std::string> given_up_;  // tokens of ours that may stand there still
  bool gave_up_late_ = false;          // and may have overwritten a winner

  std::string record_;      // what the current claim writes
  std::string to_replace_;  // takes_over_: the record that was judged, as it was read
  std::uint64_t identity_to_replace_ = 0;
  std::string childless_;   // what was judged, with a lifeline and no command
  Mono childless_since_{};  // when it was first judged
  bool takes_over_ = false;
  bool replaces_ = false;  // what stands there of ours was written by taking over
  Sighting taken_from_;
  bool was_abandoned_ = false;
  std::optional<Duration> raised_from_;  // the delay, before the first takeover
  std::optional<FileReply> takeover_failure_;
  struct DeniedTakeover {
    std::string content;
    std::uint64_t identity = 0;
    Mono at{};
  };
  std::optional<DeniedTakeover> denied_takeover_;  // the last one
  FileOperation operation_;                        // the last one asked for
  Mono looked_at_{};                               // start of the last look
  Mono published_at_{};                            // when the last publish was answered
  Mono verify_at_{};                               // State::delay, State::beat
  Mono not_before_{};                              // and no earlier: a beat may have come too late
  Mono wait_until_{};
  Mono look_at_{};        // State::pause: it is found out then who holds the lock
  Mono latest_look_{};    // and by then, however often it is asked only whether somebody does
  Duration quiet_for_{};  // that is put off for so long
  FileReply refused_;     // what the last publish, look or takeover said
  int looks_ = 0;
  bool look_wanted_ = false;   // by look_soon(), or holder_ended()
  bool holder_ended_ = false;  // so a glance will not do
  bool is_watched_ = false;    // the holder that was seen
  bool is_glance_ = false;     // the last look is one, and showed nothing but that
  bool unaccounted_ = false;   // what we published may stand there still
  bool stood_before_ = false;  // and so it might before the last publish
  bool late_ = false;          // it may have overwritten a winner
  int lost_races_ = 0;         // takeovers that somebody else's touch of the record ended
  int busy_looks_ = 0;         // removals that somebody else's flock kept from happening
  int late_looks_ = 0;         // looks in a row that were too old to write on
  // With a lease.
  Duration fastest_look_ = Duration::max() / 8;
  int slow_looks_ = 0;          // that said "free", with none before that was fast enough
  bool measures_anew_ = false;  // how long a beat takes
  bool measured_anew_ = false;
  UnlinkLooks unlink_looks_;
  bool unclear_once_ = false;         // a withdrawal could not tell whose file it saw
  bool another_stood_ = false;        // a withdrawal saw another's record
  std::optional<Outcome> if_seen_;    // create was denied: the outcome if somebody is seen yet
  std::optional<Mono> denied_since_;  // first of the denied publishes in a row, no file there
  bool may_create_ = false;           // a file of ours beside the lock: it is the name, then
  std::optional<Mono> verify_until_;  // unreadable at verify, or a beat that fails: give up then
  int stale_replies_ = 0;             // that came when the last beat had become too old
  bool withdrawing_ = false;
  Outcome after_withdraw_ = Outcome::cancelled;
};

}  // namespace ufl

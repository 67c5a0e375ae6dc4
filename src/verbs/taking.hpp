// SPDX-License-Identifier: MIT
//
// Taking the lock, as every verb does that takes it: drives the claim, tells whoever waits what is
// waited for, passes signals on to it, and says why it did not work.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/options.hpp"
#include "protocol/claim.hpp"
#include "protocol/driver.hpp"
#include "report/run_report.hpp"
#include "sys/mount_table.hpp"
#include "verbs/name_alarm.hpp"
#include "verbs/process_alarm.hpp"
#include "verbs/session.hpp"
#include "verbs/waiting_line.hpp"
#include "verbs/waiting_log.hpp"
#include "verbs/world.hpp"

namespace ufl {

/// What a claim of `options` on the mount of its lock file is to do; without a command. It takes
/// over nothing.
[[nodiscard]] ClaimOptions claim_options(const Options& options, const MountTraits& mount);

/// The same for one who waits for the lock: it is taken over from a holder who is proven dead, and
/// from one whose lease has run out unless this host can see him alive.
[[nodiscard]] ClaimOptions waiting_claim_options(const Options& options, const MountTraits& mount,
                                                 const World& world);

/// For how long one who takes a lock over waits before he verifies, at least.
[[nodiscard]] Duration takeover_delay_on(const MountTraits& mount);

/// The verification delay that `options` ask for, on this mount.
[[nodiscard]] Duration delay_on(const MountTraits& mount, const Options& options);

/// One attempt to take a lock.
class Taking {
 public:
  struct Events {
    /// The lock looks free; false: do not take it.
    std::function<bool()> on_looks_free = [] { return true; };
    /// It is held.
    std::function<void()> on_acquired;
    /// on_looks_free said no, and nothing was taken.
    std::function<void()> on_refused = [] {};
    /// Somebody else holds it. Without a handler that is said, and on_ended called.
    std::function<void()> on_not_acquired = nullptr;
    /// It was not acquired, and all that has to be said about it has been.
    std::function<void(Ending)> on_ended;
  };

  /// Notes in `report` what became of it. Throws std::system_error when the kernel gives no timer.
  Taking(const Options& options, const World& world, Session& session, ClaimOptions claim,
         RunReport& report, Events events);

  void start();

  /// ufl got a signal: if it ends a wait, give up, unless the lock is ours already.
  void got_signal(int signal_number);

  /// The signal that is to end ufl, or 0.
  [[nodiscard]] int fatal_signal() const { return fatal_signal_; }
  [[nodiscard]] const Claim& claim() const { return claim_; }

  /// The lock has been held for a while: give back to the kernel what waiting has needed.
  void settle() { alarm_.drop(); }

  /// The lock is about to be released: note for how long it was held.
  void letting_go();
  /// It was released: say so with -v.
  void released() { log_.released(); }

 private:
  [[nodiscard]] WaitProgress now_waiting() const;
  void make_room();
  void say_what_keeps_it();
  [[nodiscard]] bool is_no_lock() const;
  void watch();
  void leave_some();
  void woken();
  void watch_holder();
  [[nodiscard]] bool begin_to_watch(const Sighting& seen);
  void holder_ended();
  void look_what_is_left();
  void look();
  void claim_waits();
  void claim_ended();
  void say_taken_over() const;
  void not_acquired();
  [[nodiscard]] bool says_busy() const;

  const Options& options_;
  const World& world_;
  Session& session_;
  RunReport& report_;
  Events events_;
  Claim claim_;
  Driver driver_;
  NameAlarm alarm_;
  bool watches_ = false;  // it was tried
  bool is_told_ = false;  // of each removal
  std::unique_ptr<Timer> settling_;
  ProcessAlarm holder_alarm_;
  std::string watched_;  // the token of the holder for whom it was tried
  WaitingLog log_;
  std::unique_ptr<Timer> line_timer_;
  std::optional<WaitingLine> line_;  // if somebody is there to see it
  int fatal_signal_ = 0;
  bool told_may_not_ = false;
  bool told_denied_ = false;
  bool told_no_lock_ = false;
  bool told_late_ = false;
  Mono started_;
};

}  // namespace ufl

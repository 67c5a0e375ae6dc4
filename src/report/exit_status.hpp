// SPDX-License-Identifier: MIT
//
// Every exit status of ufl's own, once (ufl(1), EXIT STATUS). The command's own status passes
// through beside these.

#pragma once

namespace ufl::exit_status {

/// Done.
inline constexpr int kOk = 0;
/// The command line or an UFL_* variable is wrong: EX_USAGE of sysexits.h(3head).
inline constexpr int kUsage = 64;
/// Not acquired, try later: EX_TEMPFAIL. -E overrides it. lockf(1) and lckdo(1) use the same.
inline constexpr int kNotAcquired = 75;
/// The lock was lost while the command ran: EX_PROTOCOL.
inline constexpr int kLost = 76;
/// ufl itself failed before the command ran: as timeout(1), env(1), chroot(1).
inline constexpr int kFailed = 125;

}  // namespace ufl::exit_status

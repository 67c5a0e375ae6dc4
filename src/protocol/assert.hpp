// SPDX-License-Identifier: MIT
//
// Assertions: what only a mistake in ufl can break. What a share, a file or a user says is never
// asserted, but answered.
//
// They are in the builds that are tested and simulated (CMake: UFL_ASSERTIONS), and not in the one
// that is installed: a machine that has lost its way must not take the lock of a running command
// with it.

#pragma once

namespace ufl {

/// Says on stderr what was asserted where, and aborts.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

}  // namespace ufl

#ifdef UFL_ASSERTIONS
/// `condition` holds here, or ufl has a mistake.
#define UFL_ASSERT(condition) \
  ((condition) ? void() : ::ufl::assertion_failed(#condition, __FILE__, __LINE__))
/// Nobody comes here; `what`, a string, is what somebody who does has done.
#define UFL_NEVER(what) ::ufl::assertion_failed(what, __FILE__, __LINE__)
#else
#define UFL_ASSERT(condition) static_cast<void>(true || (condition))
#define UFL_NEVER(what) static_cast<void>(what)
#endif

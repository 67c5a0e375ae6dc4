// SPDX-License-Identifier: MIT

#pragma once

#include <sys/types.h>

namespace ufl {

/// Kill a child of ours that has not been waited for, and wait until it has ended, for a second at
/// most. False: it has not ended. A child that may not be killed (a sandbox refuses kill(2)) and
/// does not end by itself, or that is kept from running (a freezer), takes longer, and a ufl that
/// waits for it is deaf to every signal.
bool end_child(pid_t pid);

}  // namespace ufl

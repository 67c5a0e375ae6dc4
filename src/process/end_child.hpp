// SPDX-License-Identifier: MIT

#pragma once

#include <sys/types.h>

namespace ufl {

/// Kill a child of ours that has not been waited for, and wait until it has ended: for a second at
/// most. Longer takes who may not be killed (a sandbox refuses kill(2)) and does not end by itself,
/// or is kept from running (a freezer): to wait for that would be deaf to every signal. False: it
/// has not ended.
bool end_child(pid_t pid);

}  // namespace ufl

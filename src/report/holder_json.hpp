// SPDX-License-Identifier: MIT

#pragma once

#include "protocol/json_line.hpp"
#include "protocol/record.hpp"

namespace ufl {

/// Add what a lock file says of its holder to `object`: token, user, uid, host, pid, command,
/// since, delay, lease, detached; null what it does not say. Texts are made printable, as for
/// people: nobody vouches for them.
void add_holder(JsonLine& object, const Sighting& seen);

}  // namespace ufl

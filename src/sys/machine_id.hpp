// SPDX-License-Identifier: MIT
//
// Which machine this is: machine-id(5), which stays the same when the host is started anew, or
// renamed. It is confidential, and a lock file is not: only what is derived from it leaves ufl, as
// sd_id128_get_machine_app_specific(3) does it for others.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ufl {

/// What stands for the machine whose /etc/machine-id holds `text`: 32 hexadecimal digits, the
/// name-based (version 5) UUID of it in a namespace of ufl's own (RFC 9562, section 5.5). Nothing
/// for what names no machine: an empty file, "uninitialized", zeros.
[[nodiscard]] std::optional<std::string> derived_machine_id(std::string_view text);

/// The same of this machine.
[[nodiscard]] std::optional<std::string> derived_machine_id();

}  // namespace ufl

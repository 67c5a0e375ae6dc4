// SPDX-License-Identifier: MIT
//
// Randomness of the kernel.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ufl {

/// Fill `bytes`; early in boot this waits until the kernel has gathered enough. Throws
/// std::system_error (getrandom) when it gives none, and there is no /dev/urandom either.
void fill_with_random(std::span<std::uint8_t> bytes);

}  // namespace ufl

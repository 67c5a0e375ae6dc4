// SPDX-License-Identifier: MIT
//
// May we use this file? As access(2), but for the effective IDs.

#pragma once

#include <string>

namespace ufl {

/// May this process use `path` as `mode` says: R_OK, W_OK, X_OK of access(2), or several of them?
/// Returns 0, or the errno value of the refusal.
///
/// Where a sandbox forbids faccessat2(2), and this is a set-user-ID program, the kernel cannot be
/// asked: then a refusal is told only of a file that is not there, or that nobody may execute.
[[nodiscard]] int check_access(const std::string& path, int mode);

}  // namespace ufl

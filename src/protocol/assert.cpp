// SPDX-License-Identifier: MIT

#include "protocol/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace ufl {

void assertion_failed(const char* what, const char* file, int line) {
  static_cast<void>(std::fprintf(stderr, "ufl: %s:%d: not so: %s\n", file, line, what));
  std::abort();
}

}  // namespace ufl

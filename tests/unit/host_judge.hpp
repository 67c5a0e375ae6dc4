// SPDX-License-Identifier: MIT
//
// The shipped judge of holders, on the signs of this very host.

#pragma once

#include <string_view>

#include "protocol/judge.hpp"
#include "sys/kernel_signs.hpp"

namespace ufl {

/// Judge it where it runs.
class HostJudge {
 public:
  explicit HostJudge(Identity& identity) : judge_{identity, signs_} {}

  [[nodiscard]] Life look(const Holder& holder, std::string_view uuid, bool local) {
    return judge_.look(holder, uuid, local);
  }

 private:
  KernelSigns signs_;
  Judge judge_;
};

}  // namespace ufl

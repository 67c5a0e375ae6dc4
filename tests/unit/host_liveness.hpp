// SPDX-License-Identifier: MIT
//
// The shipped judge of holders, on the signs of this very host.

#pragma once

#include "protocol/judge.hpp"
#include "sys/kernel_signs.hpp"

namespace ufl {

class HostLiveness final : public Liveness {
 public:
  explicit HostLiveness(Identity& identity) : judge_{identity, signs_} {}

  [[nodiscard]] Life look(const Holder& holder, std::string_view uuid, bool local) override {
    return judge_.look(holder, uuid, local);
  }

 private:
  KernelSigns signs_;
  Judge judge_;
};

}  // namespace ufl

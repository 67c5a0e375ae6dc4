// SPDX-License-Identifier: MIT

#pragma once

#include <string_view>

#include "seams/liveness.hpp"

namespace ufl {

/// The processes of this host: kill(2) with signal 0, and /proc.
class HostLiveness final : public Liveness {
 public:
  /// `identity` tells which host, boot and namespaces are ours; it must outlive this.
  explicit HostLiveness(Identity& identity) : identity_{identity} {}

  [[nodiscard]] Life look(const Holder& holder, std::string_view uuid, bool local) override;

 private:
  Identity& identity_;
};

}  // namespace ufl

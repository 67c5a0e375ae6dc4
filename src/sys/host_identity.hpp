// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "seams/identity.hpp"

namespace ufl {

/// This process on this host, as /proc, uname(2) and /etc/passwd tell it. No name service is asked:
/// NSS may hang on the network, and a statically linked program must not load it.
class HostIdentity final : public Identity {
 public:
  [[nodiscard]] std::string new_uuid() override;
  [[nodiscard]] Holder self() override;
  [[nodiscard]] bool hold_lifeline(const std::string& uuid) override;
  void leave_witness(const std::string& uuid) override;
  void remove_witness(const std::string& uuid) override;
  [[nodiscard]] std::uint64_t random() override;

 private:
  std::optional<Holder> self_;  // looked up when the first claim is written
};

}  // namespace ufl

// SPDX-License-Identifier: MIT

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "seams/identity.hpp"
#include "sys/lifeline.hpp"

namespace ufl {

/// This process on this host, as /proc, uname(2), machine-id(5) and /etc/passwd tell it. No name
/// service is asked: NSS may hang on the network, and a statically linked program must not load it.
///
/// The destructor closes the lifeline and leaves the witness: a lock that was taken with --acquire
/// --pid lives on, and its release removes the witness.
class HostIdentity final : public Identity {
 public:
  /// `close_lifeline`: commands do not inherit lifelines, option -o.
  explicit HostIdentity(bool close_lifeline = false)
      : on_exec_{close_lifeline ? Lifeline::OnExec::close : Lifeline::OnExec::keep} {}

  [[nodiscard]] std::string new_uuid() override;
  [[nodiscard]] Holder self() override;
  [[nodiscard]] bool hold_lifeline(const std::string& uuid) override;
  void leave_witness(const std::string& uuid) override;
  void remove_witness(const std::string& uuid) override;
  [[nodiscard]] std::uint64_t random() override;

 private:
  Lifeline::OnExec on_exec_;
  std::optional<Holder> self_;  // looked up when the first claim is written
  std::optional<Lifeline> lifeline_;
  std::string witness_;  // the UUID of the last one that was left
};

}  // namespace ufl

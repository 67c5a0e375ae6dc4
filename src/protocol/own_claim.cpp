// SPDX-License-Identifier: MIT

#include "protocol/own_claim.hpp"

#include <algorithm>
#include <utility>

namespace ufl {

void OwnClaim::begin(std::string token, std::string content) {
  token_ = std::move(token);
  record = std::move(content);
  not_before = {};
  standing_ = Standing::nowhere;
  by_rename_ = false;
}

void OwnClaim::write_begins(bool by_rename) {
  stood_before_ = standing_;
  // A claim that is written again stays late: its first write may be what stands there.
  if (standing_ == Standing::nowhere) standing_ = Standing::perhaps;
  by_rename_ = by_rename_ || by_rename;
}

void OwnClaim::late_hold_is_over() {
  if (standing_ == Standing::late) standing_ = Standing::perhaps;
}

void OwnClaim::disown(bool local) {
  if (may_stand() && !local) {
    disowned_.push_back(token_);
    disowned_late_ = disowned_late_ || is_late();
  }
  standing_ = Standing::nowhere;
}

bool OwnClaim::was_disowned(std::string_view token) const {
  return std::find(disowned_.begin(), disowned_.end(), token) != disowned_.end();
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "sys/uuid_text.hpp"

#include <cstddef>

namespace ufl {

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = kDigits.find(text[i]) != std::string_view::npos;
    if (kForm[i] == 'x' ? !digit : text[i] != '-') return false;
  }
  return true;
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "protocol/no_lock.hpp"

#include <algorithm>
#include <string_view>

#include "protocol/record.hpp"
#include "protocol/token.hpp"

namespace ufl {

namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

}  // namespace

bool is_no_lock(std::string_view content) {
  const std::string_view token = token_in(content);
  if (content.empty() || ends_in_uuid(token)) return false;
  return content.find('\n') != std::string_view::npos ||
         std::any_of(token.begin(), token.end(), is_control);
}

bool is_program(std::string_view first_line) {
  using namespace std::string_view_literals;
  return first_line.starts_with("#!"sv) || first_line.starts_with(
                                               "\x7f"
                                               "ELF"sv);
}

bool is_blank(std::string_view first_line) {
  using namespace std::string_view_literals;
  return first_line.find_first_not_of("\0 \t\r\v\f\n"sv) == std::string_view::npos;
}

}  // namespace ufl

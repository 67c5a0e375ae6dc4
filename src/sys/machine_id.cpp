// SPDX-License-Identifier: MIT

#include "sys/machine_id.hpp"

#include <algorithm>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <cstddef>

#include "sys/file_io.hpp"

namespace ufl {

namespace {

constexpr std::size_t kDigits = 32;

// Drawn at random, once. Never change it: the ID that is derived with it is how a lock from before
// a reboot is known again.
constexpr boost::uuids::uuid kNamespace = {{0x5f, 0x0c, 0x1e, 0x7b, 0x92, 0x64, 0x4d, 0x3a, 0xb8,
                                            0x1f, 0x6e, 0x27, 0xd4, 0x50, 0x9a, 0xc3}};

bool is_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// machine-id(5): 32 digits in lower case and a newline; not all of them 0.
bool names_a_machine(std::string_view id) {
  return id.size() == kDigits && std::all_of(id.begin(), id.end(), is_digit) &&
         id.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::optional<std::string> derived_machine_id(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (!names_a_machine(text)) return std::nullopt;
  const boost::uuids::name_generator_sha1 derive{kNamespace};
  std::string id = boost::uuids::to_string(derive(std::string{text}));
  id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
  return id;
}

std::optional<std::string> derived_machine_id() {
  const auto text = read_small_file("/etc/machine-id");
  return text ? derived_machine_id(*text) : std::nullopt;
}

}  // namespace ufl

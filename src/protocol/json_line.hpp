// SPDX-License-Identifier: MIT
//
// One JSON object (RFC 8259) as a line of text. Boost.JSON writes 0.2 as 2E-1 and true like the
// rest of us; people read lock files and reports, too.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ufl {

/// Builds an object, key after key.
class JsonLine {
 public:
  /// `value` must be UTF-8.
  void add(std::string_view key, const std::string& value);
  void add(std::string_view key, bool value);
  void add(std::string_view key, std::int64_t value);
  void add(std::string_view key, std::uint64_t value);
  /// What is not finite becomes null.
  void add(std::string_view key, double value);
  /// An array; each of `values` must be UTF-8.
  void add(std::string_view key, const std::vector<std::string>& values);
  void add_null(std::string_view key);
  void add_object(std::string_view key, const JsonLine& value);
  /// null, and blanks after it: room for a value of `width` characters, to be written in its place.
  void add_reserved(std::string_view key, std::size_t width);

  /// The value, or null.
  template <typename T>
  void add_or_null(std::string_view key, const std::optional<T>& value) {
    value ? add(key, *value) : add_null(key);
  }

  /// The object, without a newline.
  [[nodiscard]] std::string text() const { return members_.empty() ? "{}" : members_ + '}'; }

 private:
  void add_raw(std::string_view key, std::string_view json);

  std::string members_;
};

}  // namespace ufl

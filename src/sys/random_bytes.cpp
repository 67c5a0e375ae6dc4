// SPDX-License-Identifier: MIT

#include "sys/random_bytes.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sys/file_io.hpp"

namespace ufl {

namespace {

// Does `source` fill them? It gives as many bytes as it has, or -1 and errno.
template <typename Source>
bool fill(std::span<std::uint8_t> bytes, const Source& source) {
  while (!bytes.empty()) {
    const ssize_t count = source(bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

// getrandom(2) needs no file, so it works in a bare chroot, too; sandboxes that are older than it
// forbid it.
void fill_with_random(std::span<std::uint8_t> bytes) {
  const auto from_kernel = [](void* at, std::size_t size) { return ::getrandom(at, size, 0); };
  if (fill(bytes, from_kernel)) return;
  const std::error_code why{errno, std::generic_category()};
  const UniqueFd device = open_file("/dev/urandom", O_RDONLY);
  const auto from_device = [&device](void* at, std::size_t size) {
    return ::read(device.get(), at, size);
  };
  if (!device.valid() || !fill(bytes, from_device)) throw std::system_error{why, "getrandom"};
}

}  // namespace ufl

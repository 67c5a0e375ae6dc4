// SPDX-License-Identifier: MIT

#include "sys/lifeline.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "seams/uuid.hpp"

namespace ufl {

namespace {

// Of the abstract name, after its NUL; part of the lock file's format for ever.
constexpr std::string_view kPrefix = "ufl/";

struct Address {
  sockaddr_un name = {};
  socklen_t length = 0;
};

// In an abstract name every byte of the length counts, and no NUL ends it, unix(7).
Address address_of(std::string_view uuid) {
  const std::string name = std::string{kPrefix}.append(uuid);
  Address address;
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path + 1, name.data(), name.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.name);
}

UniqueFd datagram_socket() {
  return UniqueFd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

}  // namespace

std::optional<Lifeline> Lifeline::bind(std::string_view uuid, OnExec on_exec) {
  if (!is_uuid(uuid)) return std::nullopt;
  UniqueFd socket = datagram_socket();
  if (!socket.valid()) return std::nullopt;
  const Address address = address_of(uuid);
  if (::bind(socket.get(), generic(address), address.length) != 0) return std::nullopt;
  // Nobody reads what is sent here: the kernel refuses it from now on, rather than queue it.
  ::shutdown(socket.get(), SHUT_RDWR);
  socket = move_up(std::move(socket), on_exec);
  if (!socket.valid()) return std::nullopt;
  return Lifeline{std::move(socket), uuid};
}

std::string lifeline_uuid(int descriptor) {
  Address address;
  address.length = sizeof address.name;
  auto* const generic_name = reinterpret_cast<sockaddr*>(&address.name);
  if (::getsockname(descriptor, generic_name, &address.length) != 0) return {};
  const bool is_whole = address.length <= sizeof address.name;
  if (address.name.sun_family != AF_UNIX || !is_whole) return {};
  std::string_view name{address.name.sun_path, address.length - offsetof(sockaddr_un, sun_path)};
  if (!name.starts_with('\0')) return {};
  name.remove_prefix(1);
  return name.starts_with(kPrefix) ? std::string{name.substr(kPrefix.size())} : std::string{};
}

LifelineState probe_lifeline(std::string_view uuid) {
  if (!is_uuid(uuid)) return LifelineState::unknown;
  const UniqueFd probe = datagram_socket();
  if (!probe.valid()) return LifelineState::unknown;
  const Address address = address_of(uuid);
  if (::connect(probe.get(), generic(address), address.length) == 0) return LifelineState::up;
  // EACCES and EPERM come from sandboxes, EAGAIN and ENOMEM from a host in need: no proof.
  return errno == ECONNREFUSED ? LifelineState::down : LifelineState::unknown;
}

}  // namespace ufl

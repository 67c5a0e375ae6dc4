// SPDX-License-Identifier: MIT
//
// Where a lock file was when it was taken. What is seen on another device later is not our lock,
// nor does its absence there tell anything: the share was unmounted, or something mounted over it.
//
// Like is compared with like: a file may lie on another device than its directory (an overlay over
// two devices; st_dev, stat(2)).

#pragma once

#include <cstdint>

#include "seams/file_system.hpp"

namespace ufl {

/// The devices (st_dev) of a file and of its directory; 0: not known, which is any device.
struct Place {
  std::uint64_t file = 0;
  std::uint64_t directory = 0;
};

/// Where `reply` has shown a file.
constexpr Place place_of(const FileReply& reply) { return {reply.device, reply.directory_device}; }

/// Does `reply` show a file, or a directory, that surely lies elsewhere than `place`?
constexpr bool is_elsewhere(const Place& place, const FileReply& reply) {
  const auto differ = [](std::uint64_t a, std::uint64_t b) { return a != 0 && b != 0 && a != b; };
  return differ(place.file, reply.device) || differ(place.directory, reply.directory_device);
}

}  // namespace ufl

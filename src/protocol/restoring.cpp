// SPDX-License-Identifier: MIT

#include "protocol/restoring.hpp"

#include "protocol/guard.hpp"

namespace ufl {

FileOperation Restoring::write(std::string rest, std::string record) {
  is_begun_ = true;
  return UpdateFile{path_, std::move(rest), std::move(record), false, true, true};
}

Restoring::Next Restoring::on_reply(const FileReply& reply) {
  switch (reply.status) {
    case FileStatus::ok:
      ++count_;
      end();
      return Next::done;
    case FileStatus::busy:
    case FileStatus::changed:  // in this moment: the next look tells by whom
      return ++refusals_ < kMaxBusyLooksAtOnce ? Next::pause : Next::failed;
    case FileStatus::not_found:
      return Next::absent;
    default:
      return Next::failed;
  }
}

bool Restoring::end() {
  refusals_ = 0;
  return std::exchange(is_begun_, false);
}

}  // namespace ufl

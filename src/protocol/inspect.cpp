// SPDX-License-Identifier: MIT

#include "protocol/inspect.hpp"

#include <utility>
#include <variant>

#include "protocol/assert.hpp"

namespace ufl {

namespace {

// ESTALE: the next look is a fresh lookup.
constexpr int kMaxLooks = 3;

}  // namespace

Step Inspect::start() { return look(); }

Step Inspect::look() {
  ++looks_;
  return request(ReadFile{path_, kRecordLimit, local_});
}

Step Inspect::on_reply(const FileReply& reply) {
  UFL_ASSERT(looks_ > 0);
  const bool on_directory = std::holds_alternative<ProbeDirectory>(operation_);
  switch (reply.status) {
    case FileStatus::ok:
      if (on_directory) {
        result_.state = InspectResult::State::free;
        return Finished{};
      }
      result_.seen = parse_record(reply.content);
      result_.seen.keeper = reply.keeper;
      result_.state = result_.seen.kind == Sighting::Kind::record
                          ? InspectResult::State::held
                          : InspectResult::State::unknown_holder;
      return Finished{};
    case FileStatus::not_found:
      if (on_directory) return fail(reply);
      return request(ProbeDirectory{path_});
    case FileStatus::stale:
      return looks_ < kMaxLooks ? look() : fail(reply);
    default:
      return fail(reply);
  }
}

Step Inspect::resume() {
  UFL_NEVER("a resume without a wait");
  return Finished{};
}

Step Inspect::fail(const FileReply& reply) {
  result_.state = InspectResult::State::cannot_tell;
  result_.failure = {FailureReason::answer, operation_, reply};
  return Finished{};
}

Step Inspect::request(FileOperation operation) {
  operation_ = std::move(operation);
  return operation_;
}

}  // namespace ufl

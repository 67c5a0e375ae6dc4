// SPDX-License-Identifier: MIT

#pragma once

#include "seams/file_system.hpp"

namespace ufl {

/// Why a protocol machine has failed. Messages are made from it in src/report.
enum class FailureReason {
  answer,          ///< the answer of the share, which says so itself
  too_slow,        ///< each look was too old to write, or to remove, anything on it
  too_late,        ///< each refresh ended too late for its lease
  elsewhere,       ///< what is there lies on another device: the share was unmounted
  answers_differ,  ///< the looks showed something else each time, and no whole lock
  changed,         ///< somebody else had written into the file, whenever it was to be changed
  no_room,         ///< the record that stands there has no room for the command's process
};

/// How a protocol machine has failed.
struct Failure {
  FailureReason reason = FailureReason::answer;
  FileOperation operation{};  ///< the last one, perhaps without its path and content
  FileReply reply{};  ///< the answer to it; with a reason other than `answer` it may be well
};

}  // namespace ufl

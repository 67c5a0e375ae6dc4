// SPDX-License-Identifier: MIT
//
// Inspect: who holds this lock? One look, for people and scripts that want to know; on a share it
// may be as old as any view of it. Absence counts only while the directory is there: a share that
// is not mounted is no free lock.

#pragma once

#include <string>
#include <utility>

#include "protocol/failure.hpp"
#include "protocol/record.hpp"
#include "protocol/step.hpp"
#include "seams/file_system.hpp"

namespace ufl {

/// What a look at a lock tells.
struct InspectResult {
  enum class State {
    free,            ///< no such file
    held,            ///< by a holder that the file names
    unknown_holder,  ///< by somebody else
    cannot_tell,     ///< see `failure`
  };
  State state = State::cannot_tell;
  Sighting seen;
  Failure failure;
};

/// One look. Drive it as step.hpp says; it never waits.
class Inspect final : public Machine {
 public:
  /// `local`: only this kernel sees the file system.
  Inspect(std::string path, bool local) : path_{std::move(path)}, local_{local} {}

  [[nodiscard]] Step start() override;
  [[nodiscard]] Step on_reply(const FileReply& reply) override;
  [[nodiscard]] Step resume() override;

  /// Valid after Finished.
  [[nodiscard]] const InspectResult& result() const { return result_; }

 private:
  Step look();
  Step fail(const FileReply& reply);
  Step request(FileOperation operation);

  std::string path_;
  bool local_;
  InspectResult result_;
  FileOperation operation_;
  int looks_ = 0;
};

}  // namespace ufl

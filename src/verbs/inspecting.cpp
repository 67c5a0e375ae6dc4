// SPDX-License-Identifier: MIT

#include "verbs/inspecting.hpp"

#include "protocol/driver.hpp"

namespace ufl {

InspectResult inspect(const std::string& path, bool local, const World& world, Session& session) {
  Inspect look{path, local};
  bool ended = false;
  Driver driver{look, world.files, session.timer(), DriverEvents{.on_finished = [&] {
                  ended = true;
                  session.loop().stop();
                }}};
  driver.start();
  if (!ended) session.loop().run();
  return look.result();
}

}  // namespace ufl

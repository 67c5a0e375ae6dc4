// SPDX-License-Identifier: MIT

#include "verbs/inspecting.hpp"

#include "protocol/driver.hpp"

namespace ufl {

InspectResult inspect(const std::string& path, bool local, const World& world, VerbLoop& loop) {
  Inspect look{path, local};
  bool ended = false;
  Driver driver{look, world.files, loop.timer(), DriverEvents{.on_finished = [&] {
                  ended = true;
                  loop.events().stop();
                }}};
  driver.start();
  if (!ended) loop.events().run();
  return look.result();
}

}  // namespace ufl

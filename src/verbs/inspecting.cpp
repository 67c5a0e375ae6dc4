// SPDX-License-Identifier: MIT

#include "verbs/inspecting.hpp"

#include <string_view>

#include "protocol/driver.hpp"
#include "protocol/token.hpp"

namespace ufl {

InspectResult inspect(const std::string& path, const World& world, Session& session) {
  Inspect look{path};
  bool ended = false;
  Driver driver{look, world.files, session.timer(), DriverEvents{.on_finished = [&] {
                  ended = true;
                  session.loop().stop();
                }}};
  driver.start();
  if (!ended) session.loop().run();
  return look.result();
}

Life life_of(const World& world, const Sighting& seen, bool local) {
  const std::string_view uuid = ends_in_uuid(seen.token) ? uuid_of(seen.token) : std::string_view{};
  return world.liveness.look(seen.holder, uuid, local);
}

}  // namespace ufl

// SPDX-License-Identifier: MIT

#include "report/holder_json.hpp"

#include <optional>
#include <string>

#include "report/text.hpp"

namespace ufl {

namespace {

// `jq -r` on a terminal is a terminal, too.
std::optional<std::string> shown(const std::optional<std::string>& text) {
  return text ? std::optional{printable(*text)} : std::nullopt;
}

}  // namespace

void add_holder(JsonLine& object, const Sighting& seen) {
  const Holder& holder = seen.holder;
  object.add_or_null("token", shown(is_whole(seen) ? std::optional{seen.token} : std::nullopt));
  object.add_or_null("user", shown(holder.user));
  object.add_or_null("uid", holder.uid);
  object.add_or_null("host", shown(holder.host));
  object.add_or_null("pid", holder.pid);
  object.add_or_null("command", shown(holder.command));
  object.add_or_null("since", shown(holder.since));
  object.add_or_null("delay", holder.delay);
  object.add_or_null("lease", holder.lease);
  object.add_or_null("detached", holder.detached);
}

}  // namespace ufl

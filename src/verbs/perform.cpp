// SPDX-License-Identifier: MIT

#include "verbs/perform.hpp"

#include <optional>
#include <string>
#include <system_error>

#include "protocol/record.hpp"
#include "protocol/token.hpp"
#include "report/exit_status.hpp"
#include "report/messages.hpp"
#include "report/run_report.hpp"
#include "sys/needed_calls.hpp"
#include "sys/output_file.hpp"
#include "sys/standard_error.hpp"
#include "verbs/acquire.hpp"
#include "verbs/break_lock.hpp"
#include "verbs/refresh.hpp"
#include "verbs/release.hpp"
#include "verbs/run.hpp"
#include "verbs/status.hpp"

namespace ufl {

namespace {

// --help, --version.
Ending print(const std::string& text, const World& world) {
  world.signals.let_through();  // no lock is held
  const int error = world.out.write(text, [] { return false; });
  if (error == 0) return {exit_status::kOk, 0};
  say(stdout_failure_text(error));
  return {exit_status::kFailed, 0};
}

Ending perform_verb(const Options& options, const World& world, RunReport& report) {
  try {
    require_calls_to_wait();
    switch (options.action) {
      case Action::run:
        return run(options, world, report);
      case Action::acquire:
        return acquire(options, world, report);
      case Action::release:
        return release(options, world);
      case Action::check:
        return check(options, world);
      case Action::status:
        return status(options, world);
      case Action::break_lock:
        return break_lock(options, world);
      case Action::refresh:
        return refresh(options, world);
      case Action::help:
      case Action::version:
        break;
    }
  } catch (const std::system_error& error) {
    say(resource_failure_text(options.lock_file, error.what(), error.code().value()));
  }
  return {exit_status::kFailed, 0};
}

}  // namespace

Ending perform(const Options& options, const World& world) {
  if (!options.text.empty()) return print(options.text, world);

  RunReport report;
  report.lock = options.lock_file;
  if (!options.report) return perform_verb(options, world, report);

  // Found out before the lock is taken: a report that cannot be written helps nobody.
  const OutputFile file{*options.report};
  // The token alone goes there.
  if (options.action == Action::acquire && file.is_at("/dev/stdout")) {
    say(report_on_stdout_text(*options.report));
    return {exit_status::kUsage, 0};
  }
  if (file.is_at(options.lock_file)) {
    say(report_is_lock_text(*options.report));
    return {exit_status::kUsage, 0};
  }
  // A report is JSON: one never looks like a lock.
  if (ends_in_uuid(parse_record(file.content(kRecordLimit)).token)) {
    say(report_replaces_lock_text(*options.report));
    return {exit_status::kUsage, 0};
  }
  if (const int error = file.prepare(); error != 0) {
    say(report_failure_text(*options.report, error) + "; no lock was taken");
    return {exit_status::kFailed, 0};
  }
  const Ending ending = perform_verb(options, world, report);
  report.status = ending.status;
  if (const int error = file.write(run_report_json(report)); error != 0) {
    say(report_failure_text(*options.report, error));
  }
  return ending;
}

}  // namespace ufl

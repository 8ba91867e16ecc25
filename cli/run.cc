#include "cli/run.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cli/client.h"
#include "cli/command_line.h"

namespace heddle::cli {
namespace {

ExitCode Usage(const Console& console, const CLI::App& app, const std::string& cause) {
  // The command that the words led to has the help that fits.
  std::string words = "heddlectl";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    absl::StrAppend(&words, " ", at->get_name());
  }
  const bool ended = !cause.empty() && (cause.back() == '.' || cause.back() == '?');
  console.err << "heddlectl: " << cause << (ended ? "" : ".") << " See \"" << words << " --help\"."
              << std::endl;
  return ExitCode::kUsage;
}

}  // namespace

ExitCode Run(int argc, const char* const* argv, Console console, const Clock& clock) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    line.app.exit(asked, console.out, console.err);
    return ExitCode::kOk;
  } catch (const CLI::ParseError& error) {
    return Usage(console, line.app, error.what());
  }
  const auto controllers = ParseControllers(line.options.controllers);
  if (!controllers.ok()) {
    return Usage(console, line.app, std::string(controllers.status().message()));
  }
  const auto format = ParseFormat(line.options.output);
  if (!format.ok()) return Usage(console, line.app, std::string(format.status().message()));
  if (*format == Format::kName && !line.lists) {
    return Usage(console, line.app, "-o name is only for commands that list objects");
  }
  Session session(console, line.options, *controllers, *format, clock);
  return line.command(session);
}

}  // namespace heddle::cli

#include "cli/run.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/backend_schema.h"
#include "cli/client.h"
#include "cli/command_line.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

// The command that the words led to: its help is the one that fits.
const CLI::App& Reached(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

ExitCode Usage(const Console& console, const CLI::App& app, const std::string& cause) {
  std::string words;
  for (const CLI::App* at = &Reached(app); at != nullptr; at = at->get_parent()) {
    words = words.empty() ? at->get_name() : absl::StrCat(at->get_name(), " ", words);
  }
  const bool ended = !cause.empty() && (cause.back() == '.' || cause.back() == '?');
  console.err << "heddlectl: " << Printable(cause) << (ended ? "" : ".") << " See \"" << words
              << " --help\"." << std::endl;
  return ExitCode::kUsage;
}

// What is wrong where a command was expected: none, or one that does not exist.
std::string MissingCommand(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App& reached = Reached(app);
  const std::vector<std::string> rest = app.remaining(true);
  if (rest.empty()) {
    return absl::StrCat("a command is missing after \"heddlectl", arguments.size() > 1 ? " " : "",
                        absl::StrJoin(arguments.begin() + 1, arguments.end(), " "), "\"");
  }
  std::vector<std::string> known;
  for (const CLI::App* command : reached.get_subcommands({})) known.push_back(command->get_name());
  const std::string near = NearestWord(rest.front(), known);
  return absl::StrCat("there is no command \"", rest.front(), "\"",
                      near.empty() ? "" : absl::StrCat("; did you mean ", near, "?"));
}

}  // namespace

ExitCode Run(int argc, const char* const* argv, Console console, const Clock& clock) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    line.app.exit(asked, console.out, console.err);
    return ExitCode::kOk;
  } catch (const CLI::RequiredError& error) {
    const CLI::App& reached = Reached(line.app);
    const bool command = reached.get_require_subcommand_min() > 0;
    return Usage(console, line.app,
                 command ? MissingCommand(line.app, {argv, argv + argc}) : error.what());
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

#include "cli/run.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/backend_schema.h"
#include "base/status_macros.h"
#include "cli/command_line.h"
#include "cli/controller_list.h"
#include "cli/renewal.h"
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

// None with --insecure, which is warned of.
absl::StatusOr<std::optional<Identity>> Prove(const Console& console,
                                              const IdentityOptions& options) {
  HEDDLE_RETURN_IF_ERROR(Validate(options));
  if (options.is_insecure) {
    console.err << "heddlectl: warning: --insecure: nothing proves that a controller answers, and "
                   "anybody on the way can read and change what is said."
                << std::endl;
    return std::optional<Identity>();
  }
  HEDDLE_ASSIGN_OR_RETURN(Identity identity, FindIdentity(options, DefaultIdentityPlaces()));
  return std::optional<Identity>(std::move(identity));
}

// A command that is done stays so, whatever comes of the renewal.
void KeepIdentity(Session& session) {
  if (!session.identity() || !MayRenew(*session.identity(), session.Now())) return;
  const absl::Status renewed = RenewIdentity(*session.identity(), &session.client()).status();
  if (renewed.ok()) return;
  session.console().err << Printable(absl::StrCat(
                               "heddlectl: warning: ", session.identity()->path,
                               " was not renewed, and holds until ",
                               TimeText(session.identity()->credentials.leaf.not_after), ": ",
                               renewed.message()))
                        << std::endl;
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
  std::optional<Identity> identity;
  if (!line.is_local) {
    auto chosen = Prove(console, line.options.identity);
    if (!chosen.ok()) {
      console.err << "heddlectl: " << Printable(chosen.status().message()) << std::endl;
      return ExitCode::kUsage;
    }
    identity = *std::move(chosen);
  }
  Session session(console, line.options, *controllers, *format, std::move(identity), clock);
  const ExitCode code = line.command(session);
  if (code == ExitCode::kOk) KeepIdentity(session);
  return code;
}

}  // namespace heddle::cli

// completion bash|zsh|fish

#include <array>

#include "absl/strings/str_cat.h"
#include "cli/command_line.h"
#include "cli/completion.h"

namespace heddle::cli {
namespace {

struct Shell {
  const char* name;
  const char* how;  // to use the script
  std::string (*script)(const CLI::App& app);
};

constexpr std::array<Shell, 3> kShells = {{
    {"bash", "source <(heddlectl completion bash)", BashCompletion},
    {"zsh", "source <(heddlectl completion zsh)", ZshCompletion},
    {"fish", "heddlectl completion fish | source", FishCompletion},
}};

}  // namespace

void AddCompletionCommands(CommandLine* line) {
  CLI::App* completion =
      AddGroup(&line->app, "completion", "Print a script that completes commands in your shell.");
  for (const Shell& shell : kShells) {
    AddLocalCommand(
        completion, line, shell.name,
        absl::StrCat("Print the completion script for ", shell.name, ". Use it with: ", shell.how),
        [line, shell](Session& session) {
          session.console().out << shell.script(line->app) << std::flush;
          return session.console().out ? ExitCode::kOk : ExitCode::kFailure;
        });
  }
}

}  // namespace heddle::cli

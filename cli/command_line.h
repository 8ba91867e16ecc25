// The command tree of heddlectl: nouns, verbs, flags and their help texts.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/session.h"

namespace heddle::cli {

// The tree with the values it parses into. Not movable: the tree points into it.
struct CommandLine {
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App app;
  Options options;
  Command command;        // set by parsing: what is asked for
  bool is_local = false;  // set by parsing: no controller is asked, so no identity is needed
  bool lists = false;     // set by parsing: the command lists objects, so `-o name` has a meaning
};

// ---- For the files that add commands ----

// Type names of positionals, which completion reads.
inline constexpr char kNodeType[] = "NODE";
inline constexpr char kControllerType[] = "CONTROLLER";
inline constexpr char kTokenType[] = "TOKEN";
inline constexpr char kSerialType[] = "SERIAL";
inline constexpr char kFileType[] = "FILE";
inline constexpr char kSubnetType[] = "SUBNET";

// A verb below `parent`. `description` is shown in lists (first sentence) and in its own help.
CLI::App* AddCommand(CLI::App* parent, CommandLine* line, const std::string& name,
                     const std::string& description, Command command);
// The same for a command that lists objects.
CLI::App* AddListCommand(CLI::App* parent, CommandLine* line, const std::string& name,
                         const std::string& description, Command command);
// The same for a command that asks no controller.
CLI::App* AddLocalCommand(CLI::App* parent, CommandLine* line, const std::string& name,
                          const std::string& description, Command command);
// A noun that only groups verbs.
CLI::App* AddGroup(CLI::App* parent, const std::string& name, const std::string& description);
// --wait and --wait-timeout-seconds.
void AddWaitOptions(CLI::App* command, CommandLine* line);
// --yes.
void AddYesOption(CLI::App* command, CommandLine* line);

void AddNetworkCommands(CommandLine* line);
void AddLeaseCommands(CommandLine* line);
void AddNodeCommands(CommandLine* line);
void AddControllerCommands(CommandLine* line);
void AddTokenCommands(CommandLine* line);
void AddCertificateCommands(CommandLine* line);
void AddBackupCommands(CommandLine* line);
void AddWatchCommand(CommandLine* line);
void AddStatusCommand(CommandLine* line);
void AddDoctorCommand(CommandLine* line);
void AddCompletionCommands(CommandLine* line);

}  // namespace heddle::cli

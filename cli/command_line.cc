#include "cli/command_line.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

constexpr std::size_t kNameColumns = 34;
constexpr std::size_t kTextColumns = 100 - kNameColumns;

// The library's help, with descriptions wrapped beside their names.
class WrappingFormatter final : public CLI::Formatter {
 public:
  WrappingFormatter() { column_width(kNameColumns); }

  std::string make_option_desc(const CLI::Option* option) const override {
    return Wrapped(option->get_description(), kTextColumns);
  }
  // One sentence: the command's own help has the rest.
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string all = command->get_description();
    const std::size_t end = all.find(". ");
    std::ostringstream out;
    CLI::detail::format_help(
        out, command->get_display_name(true),
        Wrapped(end == std::string::npos ? all : all.substr(0, end + 1), kTextColumns),
        kNameColumns);
    return out.str();
  }
  std::string make_description(const CLI::App* command) const override {
    return Wrapped(command->get_description(), 100) + "\n\n";
  }
  std::string make_option_usage(const CLI::Option* option) const override {
    const std::string name =
        option->get_name(true, false) + (option->get_items_expected_max() > 1 ? "..." : "");
    return option->get_required() ? name : "[" + name + "]";
  }
};

constexpr char kDescription[] =
    "heddlectl shows and changes the pod network of a Heddle cluster by asking its controller.\n\n"
    "Every command takes the options below, before or after its own words. Lists are sorted by "
    "node id, where runs of digits count as numbers (node-2 comes before node-10). Output has no "
    "colours. An error says what happened, why, and what to do next.";

constexpr char kSeeTop[] =
    "\"heddlectl --help\" lists the options that every command takes, and the exit codes.";

void AddGlobalOptions(CommandLine* line) {
  Options& options = line->options;
  line->app
      .add_option("--controller", options.controllers,
                  "Ask this controller. A comma-separated list is tried in order, and the first "
                  "that answers is used. The port may be left out and is 7411 then; an IPv6 "
                  "address needs brackets. The default is 127.0.0.1:7411.")
      ->envname("HEDDLE_CONTROLLER")
      ->type_name("HOST:PORT");
  line->app
      .add_option("-o,--output", options.output,
                  "Print a table, a wide table with more columns, JSON, YAML, or (lists only) the "
                  "names alone, one per line. The default is table.")
      ->check(CLI::IsMember({"table", "wide", "json", "yaml", "name"}).description(""))
      ->type_name("table|wide|json|yaml|name");
  line->app
      .add_option("--timeout-seconds", options.timeout_seconds,
                  "Give up on a call that a controller has not answered after so many seconds, 1 "
                  "to 3600. The default is 10.")
      ->check(CLI::Range(1, 3600).description(""))
      ->type_name("SECONDS");
  line->app.set_version_flag("--version", std::string("heddlectl ") + kVersion,
                             "Print the version and end.");
}

void AddIdentityOptions(CommandLine* line) {
  IdentityOptions& options = line->options.identity;
  CLI::App& app = line->app;
  app.add_option("--identity", options.file,
                 "Prove who you are with this identity file: key, certificate and authorities in "
                 "one. The default is the one that HEDDLECTL_IDENTITY names; else "
                 "~/.config/heddle/identity.pem; else /etc/heddle/admin.pem, which "
                 "\"heddle-controller init\" makes.")
      ->type_name(kFileType);
  app.add_option("--tls-cert-file", options.certificate_file,
                 "Own PKI: the certificate, instead of an identity file.")
      ->type_name(kFileType);
  app.add_option("--tls-key-file", options.key_file, "Own PKI: the certificate's private key.")
      ->type_name(kFileType);
  app.add_option("--tls-ca-file", options.roots_file,
                 "Own PKI: the authorities that a controller's certificate must lead to.")
      ->type_name(kFileType);
  app.add_option("--tls-server-name", options.server_name,
                 "The DNS name that a controller's certificate must have. Empty: the host that is "
                 "dialled. The default is heddle-controller.")
      ->type_name("NAME");
  app.add_flag("--insecure", options.is_insecure,
               "Without TLS: for controllers that were started with --insecure, too. Warned of.");
}

}  // namespace

CommandLine::CommandLine() : app(kDescription, "heddlectl") {
  app.formatter(std::make_shared<WrappingFormatter>());
  app.set_help_flag("-h,--help", "Print this help and end.");
  app.fallthrough();
  app.require_subcommand(1);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.footer(ExitCodeHelp());
  AddGlobalOptions(this);
  AddIdentityOptions(this);
  AddNetworkCommands(this);
  AddLeaseCommands(this);
  AddNodeCommands(this);
  AddControllerCommands(this);
  AddTokenCommands(this);
  AddCertificateCommands(this);
  AddBackupCommands(this);
  AddWatchCommand(this);
  AddStatusCommand(this);
  AddDoctorCommand(this);
  AddCompletionCommands(this);
}

CLI::App* AddGroup(CLI::App* parent, const std::string& name, const std::string& description) {
  CLI::App* group = parent->add_subcommand(name, description);
  group->group("Commands");
  group->require_subcommand(1);
  group->footer(kSeeTop);
  return group;
}

CLI::App* AddCommand(CLI::App* parent, CommandLine* line, const std::string& name,
                     const std::string& description, Command command) {
  CLI::App* added = parent->add_subcommand(name, description);
  added->group("Commands");
  added->require_subcommand(0);
  added->footer(kSeeTop);
  added->callback([line, command = std::move(command)] { line->command = command; });
  return added;
}

CLI::App* AddListCommand(CLI::App* parent, CommandLine* line, const std::string& name,
                         const std::string& description, Command command) {
  CLI::App* added = AddCommand(parent, line, name, description, command);
  added->callback([line, command = std::move(command)] {
    line->command = command;
    line->lists = true;
  });
  return added;
}

CLI::App* AddLocalCommand(CLI::App* parent, CommandLine* line, const std::string& name,
                          const std::string& description, Command command) {
  CLI::App* added = AddCommand(parent, line, name, description, command);
  added->callback([line, command = std::move(command)] {
    line->command = command;
    line->is_local = true;
  });
  return added;
}

void AddWaitOptions(CLI::App* command, CommandLine* line) {
  command->add_flag("--wait", line->options.wait,
                    "Wait until every node that has a lease has applied the change. If some have "
                    "not in time, name them and end with exit code 6; the change stays made.");
  command
      ->add_option("--wait-timeout-seconds", line->options.wait_timeout_seconds,
                   "Wait at most so many seconds, 1 to 3600. The default is 60.")
      ->check(CLI::Range(1, 3600).description(""))
      ->type_name("SECONDS");
}

void AddYesOption(CLI::App* command, CommandLine* line) {
  command->add_flag("-y,--yes", line->options.assume_yes,
                    "Do not ask. A question is asked only when the standard input is a terminal.");
}

}  // namespace heddle::cli

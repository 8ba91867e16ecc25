// network show|set|check

#include <istream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "cli/command_line.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;

absl::StatusOr<std::string> ReadAll(std::istream& in) {
  std::string text(kMaxConfigBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return absl::DataLossError("the standard input cannot be read");
  if (text.size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(
        "the standard input holds more than 1 MiB. That is no "
        "net-conf.json");
  }
  return text;
}

enum class Purpose { kSet, kCheck, kPlan };

ExitCode SendNetwork(Session& session, const std::string& file, bool drain, Purpose purpose) {
  const std::string what = absl::StrCat(purpose == Purpose::kSet ? "cannot set the network from "
                                        : purpose == Purpose::kCheck ? "cannot check "
                                                                     : "cannot plan ",
                                        file == "-" ? "the standard input" : file);
  const auto text = file == "-" ? ReadAll(session.console().in) : ReadFile(file, kMaxConfigBytes);
  if (!text.ok()) {
    return session.FailUsage(absl::StrCat(what, ": ", text.status().message(),
                                          ". Give a readable net-conf.json, or - for the standard "
                                          "input."));
  }
  v1::SetNetworkRequest request;
  request.set_net_conf_json(*text);
  request.set_dry_run(purpose != Purpose::kSet);
  request.set_drain(drain);
  const auto answer = session.client().SetNetwork(request);
  if (!answer.ok()) return session.Fail(what, answer.status());
  switch (purpose) {
    case Purpose::kPlan:
      return session.Print(NetworkPlanView(*answer));
    case Purpose::kCheck:
      return session.Print(NetworkChangeView(*answer, /*dry_run=*/true));
    case Purpose::kSet:
      break;
  }
  return session.FinishNetworkChange(NetworkChangeView(*answer, /*dry_run=*/false),
                                     answer->revision());
}

// `drain` must live as long as the command line.
void AddDrainOption(CLI::App* command, bool* drain) {
  command->add_flag(
      "--drain", *drain,
      "Let the network leave a range that leases are in, for one that does not "
      "overlap it. The leases keep their subnets until \"node renumber\" moves them.");
}

}  // namespace

void AddNetworkCommands(CommandLine* line) {
  CLI::App* network = AddGroup(&line->app, "network",
                               "Show, check and change the cluster's network configuration.");

  AddCommand(network, line, "show",
             "Show the network in force, how many subnets are held, and the backend with all its "
             "options. With -o json or yaml the net-conf.json that it was set from is under "
             "\"netConf\".",
             [](Session& session) {
               return session.Show("cannot show the network", session.client().GetNetwork(),
                                   NetworkView);
             });

  auto set_file = std::make_shared<std::string>();
  auto drain = std::make_shared<bool>(false);
  CLI::App* set = AddCommand(
      network, line, "set",
      "Replace the network configuration while the cluster runs. Growing the range interrupts "
      "nothing, and neither does another backend: nodes have both until all of them send through "
      "the new one. A change that would take the subnet of a live lease out of the range is "
      "refused with the list of those leases, unless --drain is given. Prints what the change did; "
      "with --wait also each step as it begins.",
      [set_file, drain](Session& session) {
        return SendNetwork(session, *set_file, *drain, Purpose::kSet);
      });
  set->add_option("file", *set_file, "The new net-conf.json, or - for the standard input.")
      ->required()
      ->type_name(kFileType);
  AddDrainOption(set, drain.get());
  AddWaitOptions(set, line);

  auto check_file = std::make_shared<std::string>();
  auto check_drain = std::make_shared<bool>(false);
  CLI::App* check = AddCommand(
      network, line, "check",
      "Say what \"network set\" with this file would do, and change nothing. Ends with exit code 0 "
      "when it would be accepted and 4 when it would be refused.",
      [check_file, check_drain](Session& session) {
        return SendNetwork(session, *check_file, *check_drain, Purpose::kCheck);
      });
  check->add_option("file", *check_file, "The net-conf.json to check, or - for the standard input.")
      ->required()
      ->type_name(kFileType);
  AddDrainOption(check, check_drain.get());

  auto plan_file = std::make_shared<std::string>();
  auto plan_drain = std::make_shared<bool>(false);
  CLI::App* plan = AddCommand(
      network, line, "plan",
      "Print the steps that \"network set\" with this file leads to, what each does, and what is "
      "to be run in between; change nothing. Ends with exit code 4 when the file would be refused.",
      [plan_file, plan_drain](Session& session) {
        return SendNetwork(session, *plan_file, *plan_drain, Purpose::kPlan);
      });
  plan->add_option("file", *plan_file, "The net-conf.json to plan, or - for the standard input.")
      ->required()
      ->type_name(kFileType);
  AddDrainOption(plan, plan_drain.get());
}

}  // namespace heddle::cli

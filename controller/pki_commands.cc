#include "controller/pki_commands.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "controller/ca_files.h"
#include "controller/flags.h"
#include "controller/init_tls.h"

namespace heddle::controller {
namespace {

using Command = PkiFlags::Command;

constexpr char kAfterInit[] = R"(
Next: start heddle-controller. Then, for each new host:
  heddlectl token create > ticket      (a secret: copy it to that host)
  heddle-node --join ticket            (there, once)
)";
constexpr char kAfterAdd[] = R"(
A running controller takes it over within seconds, and tells its nodes. Copy ca.pem to the other
controllers, wait until all nodes are attached (`heddlectl node list`), then:
  heddle-controller ca promote
)";
constexpr char kAfterPromote[] = R"(
Running controllers and nodes renew their certificates at once. Copy ca-key.pem and ca-cross.pem to
the other controllers that have ca-key.pem. When no valid certificate is of the former root any more
(`heddlectl cert list`), administrators' included:
  heddle-controller ca retire
)";
constexpr char kAfterRetire[] = R"(
Copy ca.pem to the other controllers.
)";

std::string Day(absl::Time time) { return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone()); }

absl::StatusOr<Steps> Show(const TlsFiles& files) {
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<identity::Root> roots, ReadRoots(files.roots()));
  const auto signing = LoadAuthority(files);
  if (!signing.ok() && !absl::IsNotFound(signing.status())) return signing.status();
  const auto next = ReadRoots(files.next_ca_key());
  Steps lines = {absl::StrFormat("%-18s%-12s%-12s%s", "ROOT", "FROM", "UNTIL", "STATE")};
  for (const identity::Root& root : roots) {
    std::string state = "believed";
    if (signing.ok() && signing->root().pem == root.pem) state = "signs";
    if (next.ok() && next->front().pem == root.pem) state = "believed; `ca promote` lets it sign";
    lines.push_back(absl::StrFormat("%-18s%-12s%-12s%s", root.key_id, Day(root.not_before),
                                    Day(root.not_after), state));
  }
  if (!signing.ok()) lines.push_back("the key of none is here: this controller does not sign");
  return lines;
}

absl::StatusOr<Steps> Run(const PkiFlags& flags, std::string* after) {
  const TlsFiles files = {flags.tls_dir};
  const absl::Time now = absl::Now();
  switch (flags.command) {
    case Command::kInit:
      *after = kAfterInit;
      return InitTls(files, {flags.id, flags.admin_identity, flags.admin_name}, now);
    case Command::kCaAdd:
      *after = kAfterAdd;
      return AddRoot(files, now);
    case Command::kCaPromote:
      *after = kAfterPromote;
      return PromoteRoot(files);
    case Command::kCaRetire:
      *after = kAfterRetire;
      return RetireRoots(files);
    case Command::kCaShow:
      return Show(files);
    case Command::kNone:
      break;
  }
  return absl::InternalError("no command");
}

}  // namespace

int RunPkiCommand(const PkiFlags& flags) {
  std::string after;
  const absl::StatusOr<Steps> steps = Run(flags, &after);
  if (!steps.ok()) {
    std::cerr << "heddle-controller: " << steps.status().message() << "\n";
    return absl::IsFailedPrecondition(steps.status()) || absl::IsInvalidArgument(steps.status())
               ? kExitConfiguration
               : kExitFailure;
  }
  for (const std::string& line : *steps) std::cout << line << "\n";
  std::cout << after;
  return kExitOk;
}

}  // namespace heddle::controller

#include "tests/lab/link_kinds.h"

#include <map>

#include "absl/strings/match.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"
#include "tests/lab/netns.h"

namespace heddle::lab {
namespace {

bool Make(const std::string& kind) {
  const NetworkNamespace netns("link-kinds");
  const CommandResult made = TryRun({{"ip", "link", "add", "probe", "type", kind}, {}, &netns});
  if (made.exit_code == 0) return true;
  if (absl::StrContains(made.err, "Unknown device type")) return false;
  throw LabError("cannot tell whether there are " + kind + " devices: " + made.err);
}

}  // namespace

bool KernelMakes(const std::string& kind) {
  static auto* const known = new std::map<std::string, bool>;
  const auto found = known->find(kind);
  if (found != known->end()) return found->second;
  return (*known)[kind] = Make(kind);
}

}  // namespace heddle::lab

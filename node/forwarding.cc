#include "node/forwarding.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"

namespace heddle::node {
namespace {

const char* KeyOf(Family family) {
  return family == Family::kV4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
}

}  // namespace

PerFamily<std::string> ForwardingProblems(const Network& network, const std::string& sysctl_root) {
  PerFamily<std::string> problems;
  network.ranges.ForEach([&](Family family, const Range&) {
    const std::string key = KeyOf(family);
    const absl::StatusOr<std::string> value = ReadFile(absl::StrCat(sysctl_root, "/", key));
    if (!value.ok()) {
      problems[family] = absl::StrCat("cannot tell whether ", FamilyName(family),
                                      " packets are forwarded: ", value.status().message());
    } else if (absl::StripSuffix(*value, "\n") == "0") {
      problems[family] =
          absl::StrCat(FamilyName(family),
                       " forwarding is off, so that pods reach nobody beyond this host: run "
                       "'sysctl -w ",
                       absl::StrReplaceAll(key, {{"/", "."}}), "=1', and keep it in /etc/sysctl.d");
    }
  });
  return problems;
}

}  // namespace heddle::node

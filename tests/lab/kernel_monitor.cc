#include "tests/lab/kernel_monitor.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kOnItsWay = absl::Milliseconds(200);

std::string FreshLog(const Host& host, const std::string& name) {
  const std::string path = host.folder() + "/monitor-" + name;
  std::filesystem::remove(path);
  return path;
}

// The kernel makes and forgets these by itself, as it sends reports to multicast groups.
bool IsNeighbourOfAGroup(absl::string_view line) {
  absl::ConsumePrefix(&line, "Deleted ");
  return absl::StartsWith(line, "ff02:") || absl::StartsWith(line, "224.");
}

}  // namespace

KernelMonitor::KernelMonitor(const Host& host)
    : ip_("ip monitor on " + host.name(), FreshLog(host, "ip")),
      bridge_("bridge monitor on " + host.name(), FreshLog(host, "bridge")) {
  // stdbuf: into a file the tools would write only now and then.
  ip_.Start({{"stdbuf", "-oL", "ip", "monitor", "link", "address", "route", "nexthop", "neigh"},
             {},
             &host.netns()});
  bridge_.Start({{"stdbuf", "-oL", "bridge", "monitor", "fdb"}, {}, &host.netns()});
  // They say nothing when they are ready: make a change until both have seen it.
  const auto both_listen = Within(absl::Seconds(5), "the monitors listen", [&] {
    TryRun({{"ip", "link", "add", "probe0", "type", "bridge"}, {}, &host.netns()});
    TryRun({{"bridge", "fdb", "add", "02:00:00:00:00:0f", "dev", "probe0", "self", "local"},
            {},
            &host.netns()});
    TryRun({{"ip", "link", "delete", "probe0"}, {}, &host.netns()});
    return absl::StrContains(ip_.Log(), "probe0") && !bridge_.Log().empty();
  });
  if (!both_listen) throw LabError(both_listen.message());
}

std::vector<std::string> KernelMonitor::ChangesOfOurs() {
  absl::SleepFor(kOnItsWay);
  std::vector<std::string> changes;
  for (Process* monitor : {&ip_, &bridge_}) {
    for (const absl::string_view line : absl::StrSplit(monitor->Log(), '\n')) {
      if (!absl::StrContains(line, "heddle") && !absl::StrContains(line, "proto 104")) continue;
      if (IsNeighbourOfAGroup(line)) continue;
      changes.emplace_back(line);
    }
  }
  return changes;
}

std::string RulesWithHandles(const Host& host) {
  return RunCommand(&host.netns(), "nft -a list ruleset");
}

}  // namespace heddle::lab

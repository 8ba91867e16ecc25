#include "tests/lab/foreign_objects.h"

#include "absl/strings/str_cat.h"
#include "tests/lab/command.h"

namespace heddle::lab {
namespace {

constexpr const char* kLooks[] = {
    "ip -d -o link show dev foreign0", "ip -o addr show dev foreign0 scope global",
    "ip neigh show dev foreign0",      "bridge fdb show dev foreign0",
    "ip route show proto static",      "ip -6 route show proto static",
    "ip nexthop show proto 4",         "nft list table inet foreign"};

}  // namespace

ForeignObjects::ForeignObjects(const Host& host) : host_(host) {
  RunIpBatch(
      &host.netns(),
      {"link add foreign0 address 02:00:00:00:00:01 type vxlan id 77 dstport 4789 nolearning",
       "link set foreign0 up", "addr add 203.0.113.1/24 dev foreign0",
       "neigh add 203.0.113.2 lladdr 02:00:00:00:00:02 dev foreign0 nud permanent",
       "nexthop add id 7 via 203.0.113.2 dev foreign0 proto 4",
       "route add 198.51.100.0/24 nhid 7 proto static",
       "route add 10.244.255.0/24 via 203.0.113.2 dev foreign0 proto 4",
       "route add blackhole 2001:db8::/32 proto static"});
  RunCommand(&host.netns(),
             "bridge fdb add 02:00:00:00:00:02 dev foreign0 dst 192.0.2.99 self permanent");
  for (const char* words :
       {"add table inet foreign",
        "add chain inet foreign forward { type filter hook forward priority 10 ; }",
        "add rule inet foreign forward ip daddr 198.51.100.7 drop"}) {
    RunCommand(&host.netns(), absl::StrCat("nft ", words));
  }
  before_ = Look();
}

std::vector<std::string> ForeignObjects::Look() const {
  std::vector<std::string> found;
  for (const char* look : kLooks) found.push_back(RunCommand(&host_.netns(), look));
  return found;
}

std::string ForeignObjects::Change() const {
  std::string change;
  const std::vector<std::string> now = Look();
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] == before_[i]) continue;
    absl::StrAppend(&change, "`", kLooks[i], "` on ", host_.name(), " said\n", before_[i],
                    "and says\n", now[i]);
  }
  return change;
}

}  // namespace heddle::lab

#include "tests/lab/kernel_view.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/lab/command.h"

namespace heddle::lab {
namespace {

using Lines = std::set<std::string>;
using nlohmann::json;

constexpr const char* kFamilyFlags[] = {"-4", "-6"};

// The value as text; "" if there is none.
std::string Text(const json& object, const char* key) {
  if (!object.contains(key)) return "";
  const json& value = object[key];
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Lines LinkLines(const Host& host, Lines* names) {
  Lines lines;
  for (const json& link : host.IpJson("-d link show type vxlan")) {
    const std::string name = Text(link, "ifname");
    if (!absl::StartsWith(name, "heddle")) continue;
    names->insert(name);
    const json& vxlan = link["linkinfo"]["info_data"];
    const std::string flags = link["flags"].dump();
    lines.insert(absl::StrCat(
        "link ", name, " mac ", Text(link, "address"), " mtu ", Text(link, "mtu"),
        absl::StrContains(flags, "\"UP\"") ? " up" : "", " vni ", Text(vxlan, "id"), " port ",
        Text(vxlan, "port"), " local ", Text(vxlan, "local"), Text(vxlan, "local6"), " on ",
        Text(vxlan, "link"), " learning ", Text(vxlan, "learning"), " gbp ", Text(vxlan, "gbp")));
  }
  return lines;
}

void AddAddressLines(const Host& host, const std::string& link, Lines* lines) {
  for (const json& entry : host.IpJson("addr show dev " + link)) {
    for (const json& address : entry["addr_info"]) {
      if (Text(address, "scope") == "link") continue;  // the kernel's own fe80::
      lines->insert(absl::StrCat("address ", link, " ", Text(address, "local"), "/",
                                 Text(address, "prefixlen")));
    }
  }
}

void AddNeighbourLines(const Host& host, const std::string& link, Lines* lines) {
  for (const char* family : kFamilyFlags) {
    for (const json& entry :
         host.IpJson(absl::StrCat(family, " neigh show nud permanent dev ", link))) {
      lines->insert(
          absl::StrCat("neighbour ", link, " ", Text(entry, "dst"), " ", Text(entry, "lladdr")));
    }
  }
  for (const json& entry : RunJson(&host.netns(), "bridge -j fdb show dev " + link)) {
    lines->insert(absl::StrCat("fdb ", link, " ", Text(entry, "mac"), " ", Text(entry, "dst")));
  }
}

void AddRouteLines(const Host& host, Lines* lines) {
  for (const json& nexthop : host.IpJson("nexthop show proto 104")) {
    lines->insert(absl::StrCat("nexthop ", Text(nexthop, "id"), " via ", Text(nexthop, "gateway"),
                               " dev ", Text(nexthop, "dev"), " ", Text(nexthop, "flags")));
  }
  for (const char* family : kFamilyFlags) {
    for (const json& route : host.IpJson(absl::StrCat(family, " route show proto 104"))) {
      lines->insert(absl::StrCat("route ", Text(route, "dst"), " nexthop ", Text(route, "nhid"),
                                 " via ", Text(route, "gateway"), " dev ", Text(route, "dev"),
                                 " metric ", Text(route, "metric")));
    }
  }
}

// Drops what the kernel counts and numbers.
void DropNumbers(json* value) {
  if (value->is_object()) {
    for (const char* key : {"handle", "packets", "bytes"}) value->erase(key);
  }
  if (!value->is_structured()) return;
  for (json& child : *value) DropNumbers(&child);
}

void AddRuleLines(const Host& host, Lines* lines) {
  json ruleset = RunJson(&host.netns(), "nft -j list ruleset");
  if (!ruleset.is_object()) return;
  int position = 0;  // the order of rules matters, and equal rules count
  for (json& entry : ruleset["nftables"]) {
    for (auto& [kind, object] : entry.items()) {
      const std::string table = Text(object, kind == "table" ? "name" : "table");
      if (!absl::StartsWith(table, "heddle")) continue;
      DropNumbers(&object);
      lines->insert(
          absl::StrCat("nft ", kind, " ", kind == "rule" ? position++ : 0, " ", object.dump()));
    }
  }
}

}  // namespace

Lines OurObjects(const Host& host) {
  Lines links;
  Lines lines = LinkLines(host, &links);
  for (const std::string& link : links) {
    AddAddressLines(host, link, &lines);
    AddNeighbourLines(host, link, &lines);
  }
  AddRouteLines(host, &lines);
  AddRuleLines(host, &lines);
  return lines;
}

Lines OurRoutes(const Host& host) {
  Lines routes;
  for (const char* family : kFamilyFlags) {
    for (const json& route : host.IpJson(absl::StrCat(family, " route show proto 104"))) {
      routes.insert(Text(route, "dst"));
    }
  }
  return routes;
}

std::string Difference(const Lines& expected, const Lines& actual) {
  std::string text;
  for (const std::string& line : expected) {
    if (actual.count(line) == 0) absl::StrAppend(&text, "\n  missing: ", line);
  }
  for (const std::string& line : actual) {
    if (expected.count(line) == 0) absl::StrAppend(&text, "\n  too much: ", line);
  }
  return text;
}

}  // namespace heddle::lab

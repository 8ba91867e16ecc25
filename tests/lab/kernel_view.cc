#include "tests/lab/kernel_view.h"

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
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

// What the kernel holds of a link because of its kind.
std::string KindWords(const std::string& kind, const json& data) {
  if (kind == "vxlan") {
    return absl::StrCat(" vni ", Text(data, "id"), " port ", Text(data, "port"), " local ",
                        Text(data, "local"), Text(data, "local6"), " on ", Text(data, "link"),
                        " learning ", Text(data, "learning"), " gbp ", Text(data, "gbp"));
  }
  if (kind == "ipip") {
    return absl::StrCat(" local ", Text(data, "local"), " remote ", Text(data, "remote"));
  }
  if (kind == "tun") {
    return absl::StrCat(" type ", Text(data, "type"), " persist ", Text(data, "persist"),
                        " queues ", Text(data, "multi_queue"), " vnet_hdr ",
                        Text(data, "vnet_hdr"));
  }
  return "";
}

Lines LinkLines(const Host& host, std::map<std::string, std::string>* kinds) {
  Lines lines;
  for (const json& link : host.IpJson("-d link show")) {
    const std::string name = Text(link, "ifname");
    if (!absl::StartsWith(name, "heddle")) continue;
    const json linkinfo = link.value("linkinfo", json::object());
    const std::string kind = (*kinds)[name] = Text(linkinfo, "info_kind");
    const bool up = absl::StrContains(link["flags"].dump(), "\"UP\"");
    lines.insert(absl::StrCat("link ", name, " ", kind, " mac ", Text(link, "address"), " mtu ",
                              Text(link, "mtu"), up ? " up" : "",
                              KindWords(kind, linkinfo.value("info_data", json::object()))));
  }
  return lines;
}

// With `wg`, whose dump has one line for the device (the first: private key, public key, port,
// mark) and one for each peer (key, preshared key, endpoint, allowed, four counters, keepalive).
void AddWireguardLines(const Host& host, const std::string& link, Lines* lines) {
  const std::string dump = RunCommand(&host.netns(), "wg show " + link + " dump");
  bool is_device = true;
  for (const absl::string_view line : absl::StrSplit(dump, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, '\t');
    if (is_device) {
      lines->insert(absl::StrCat("wireguard ", link, " ", words.at(1), " port ", words.at(2)));
    } else {
      lines->insert(absl::StrCat("peer ", link, " ", words.at(0), " at ", words.at(2), " allowed ",
                                 words.at(3), words.at(1) == "(none)" ? "" : " preshared",
                                 " keepalive ", words.at(7)));
    }
    is_device = false;
  }
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
  std::map<std::string, std::string> kinds;  // of links by name
  Lines lines = LinkLines(host, &kinds);
  for (const auto& [link, kind] : kinds) {
    AddAddressLines(host, link, &lines);
    AddNeighbourLines(host, link, &lines);
    if (kind == "wireguard") AddWireguardLines(host, link, &lines);
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

#include "tests/lab/packet_counter.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/lab/command.h"
#include "tests/lab/error.h"

namespace heddle::lab {
namespace {

std::string NextTable() {
  static std::atomic<int> number{0};
  return absl::StrCat("inet counter", ++number);
}

}  // namespace

// Early, so that no other table's verdict hides a packet.
PacketCounter::PacketCounter(const NetworkNamespace& netns, std::string hook, std::string match)
    : netns_(netns), table_(NextTable()) {
  for (const std::string& words :
       {absl::StrCat("add table ", table_),
        absl::StrCat("add chain ", table_, " seen { type filter hook ", hook, " priority -300 ; }"),
        absl::StrCat("add rule ", table_, " seen ", match, " counter")}) {
    RunCommand(&netns, "nft " + words);
  }
}

PacketCounter::~PacketCounter() {
  TryRun({{"nft", "delete", "table", "inet", table_.substr(5)}, {}, &netns_});
}

int PacketCounter::packets() const {
  const nlohmann::json listing =
      RunJson(&netns_, absl::StrCat("nft -j list chain ", table_, " seen"));
  for (const auto& entry : listing["nftables"]) {
    if (!entry.contains("rule")) continue;
    for (const auto& expression : entry["rule"]["expr"]) {
      if (expression.contains("counter")) return expression["counter"]["packets"].get<int>();
    }
  }
  throw LabError("no counter in table " + table_ + " of " + netns_.name());
}

}  // namespace heddle::lab

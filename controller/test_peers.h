// Peers, advertisements and networks for tests.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "api/network.h"
#include "api/peer.h"
#include "controller/net_conf.h"

namespace heddle::controller {

inline Network TestNetwork(
    const std::string& json = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})") {
  return ParseNetConf(json)->network;
}

// `number` stands in the public address and in the MAC; `version` changes the address.
inline Advertisement TestAdvertisement(int number, int version = 0) {
  Advertisement advertisement;
  advertisement.public_address[Family::kV4] =
      *Ip::Parse(absl::StrCat("192.", 168 + number / 250, ".", version, ".", number % 250 + 1));
  advertisement.backend_type = "vxlan";
  advertisement.vtep_mac.bytes = {
      0x02, 0, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
  return advertisement;
}

inline Peer TestPeer(int number, int version = 0) {
  Peer peer;
  peer.node_id = absl::StrCat("node-", number);
  peer.subnets[Family::kV4] =
      *Prefix::Parse(absl::StrCat("10.", 100 + number / 256, ".", number % 256, ".0/24"));
  peer.advertisement = TestAdvertisement(number, version);
  return peer;
}

}  // namespace heddle::controller

// The names of our devices: what tells them from everybody else's.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ip.h"

namespace heddle::node {

// "heddle.<VNI>" on an IPv4 underlay, "heddle6.<VNI>" on an IPv6 one. Where that would be longer
// than the kernel's 15 characters the dot is left out ("heddle616777215").
std::string LinkName(Family underlay, std::uint32_t vni);

// The devices of which a host has one.
inline constexpr char kIpipLinkName[] = "heddle.ipip";
// For IPv4 pods, or for both families where one device serves them; and for IPv6 pods alone.
inline constexpr char kWireguardLinkName[] = "heddle.wg", kWireguardLinkName6[] = "heddle.wg6";
// The TUN device of the udp backend, for both families.
inline constexpr char kUdpLinkName[] = "heddle.udp";

// Whether `name` is one of ours. Together with the device's kind it says whose a device is.
bool IsOurLinkName(absl::string_view name);

}  // namespace heddle::node

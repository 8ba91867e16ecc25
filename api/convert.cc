#include "api/convert.h"

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"

namespace heddle {
namespace {

// The same status, saying in which field.
absl::Status In(absl::string_view field, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(field, ": ", status.message()));
}

absl::StatusOr<Prefix> PrefixOf(absl::string_view base, std::uint32_t length) {
  HEDDLE_ASSIGN_OR_RETURN(const Ip ip, Ip::FromBytes(base));
  if (length > static_cast<std::uint32_t>(BitsOf(ip.family()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("length ", length, " is longer than the address"));
  }
  const Prefix prefix(ip, static_cast<int>(length));
  if (prefix.base() != ip) {
    return absl::InvalidArgumentError(
        absl::StrCat(ip.ToString(), "/", length, " has bits set behind its length"));
  }
  return prefix;
}

absl::StatusOr<Ip> AddressOf(const std::string& bytes, Family family) {
  HEDDLE_ASSIGN_OR_RETURN(const Ip ip, Ip::FromBytes(bytes));
  if (ip.family() != family) {
    return absl::InvalidArgumentError(
        absl::StrCat(ip.ToString(), " is not an ", FamilyName(family), " address"));
  }
  return ip;
}

v1::Range RangeToProto(const Range& range) {
  v1::Range message;
  *message.mutable_network() = ToProto(range.network);
  message.set_subnet_length(range.subnet_length);
  message.set_subnet_min(range.subnet_min.ToBytes());
  message.set_subnet_max(range.subnet_max.ToBytes());
  return message;
}

absl::StatusOr<Range> RangeFromProto(const v1::Range& message, Family family) {
  auto network = FromProto(message.network());
  if (!network.ok()) return In("network", network.status());
  if (message.subnet_length() > 128) {
    return absl::InvalidArgumentError(
        absl::StrCat("subnet_length: ", message.subnet_length(), " is above 128"));
  }
  auto subnet_min = AddressOf(message.subnet_min(), family);
  if (!subnet_min.ok()) return In("subnet_min", subnet_min.status());
  auto subnet_max = AddressOf(message.subnet_max(), family);
  if (!subnet_max.ok()) return In("subnet_max", subnet_max.status());
  return Range{*network, static_cast<int>(message.subnet_length()), *subnet_min, *subnet_max};
}

v1::OptionValue OptionToProto(const OptionValue& value) {
  v1::OptionValue message;
  if (const auto* boolean = std::get_if<bool>(&value)) message.set_boolean(*boolean);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) message.set_integer(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) message.set_text(*text);
  return message;
}

absl::StatusOr<OptionValue> OptionFromProto(const v1::OptionValue& message) {
  switch (message.kind_case()) {
    case v1::OptionValue::kBoolean:
      return OptionValue(message.boolean());
    case v1::OptionValue::kInteger:
      return OptionValue(static_cast<std::int64_t>(message.integer()));
    case v1::OptionValue::kText:
      return OptionValue(message.text());
    case v1::OptionValue::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("no value");
}

v1::Backend BackendToProto(const BackendConfig& backend) {
  v1::Backend message;
  message.set_type(backend.type);
  for (const auto& [key, value] : backend.options) {
    (*message.mutable_options())[key] = OptionToProto(value);
  }
  return message;
}

absl::StatusOr<BackendConfig> BackendFromProto(const v1::Backend& message) {
  BackendConfig backend{message.type(), {}};
  for (const auto& [key, value] : message.options()) {
    auto option = OptionFromProto(value);
    if (!option.ok()) return In(absl::StrCat("options[", key.substr(0, 64), "]"), option.status());
    backend.options.emplace(key, *std::move(option));
  }
  // What an earlier release stored or sent lacks the options that have come since.
  if (const BackendSchema* schema = FindBackend(backend.type)) {
    for (const OptionSchema& option : schema->options) {
      backend.options.emplace(option.key, option.default_value);
    }
  }
  return backend;
}

}  // namespace

v1::Address ToProto(const Ip& ip) {
  v1::Address message;
  message.set_value(ip.ToBytes());
  return message;
}

absl::StatusOr<Ip> FromProto(const v1::Address& address) { return Ip::FromBytes(address.value()); }

v1::Prefix ToProto(const Prefix& prefix) {
  v1::Prefix message;
  message.set_base(prefix.base().ToBytes());
  message.set_length(prefix.length());
  return message;
}

absl::StatusOr<Prefix> FromProto(const v1::Prefix& prefix) {
  return PrefixOf(prefix.base(), prefix.length());
}

v1::Network ToProto(const Network& network) {
  v1::Network message;
  if (network.ranges[Family::kV4])
    *message.mutable_ipv4() = RangeToProto(*network.ranges[Family::kV4]);
  if (network.ranges[Family::kV6])
    *message.mutable_ipv6() = RangeToProto(*network.ranges[Family::kV6]);
  *message.mutable_backend() = BackendToProto(network.backend);
  if (network.standby) *message.mutable_standby() = BackendToProto(*network.standby);
  if (const auto& v4 = network.draining[Family::kV4]) {
    *message.mutable_draining_ipv4() = RangeToProto(*v4);
  }
  if (const auto& v6 = network.draining[Family::kV6]) {
    *message.mutable_draining_ipv6() = RangeToProto(*v6);
  }
  return message;
}

absl::StatusOr<Network> FromProto(const v1::Network& message) {
  Network network;
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    if (!(v4 ? message.has_ipv4() : message.has_ipv6())) continue;
    auto range = RangeFromProto(v4 ? message.ipv4() : message.ipv6(), family);
    if (!range.ok()) return In(v4 ? "ipv4" : "ipv6", range.status());
    network.ranges[family] = *range;
  }
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    if (!(v4 ? message.has_draining_ipv4() : message.has_draining_ipv6())) continue;
    auto range = RangeFromProto(v4 ? message.draining_ipv4() : message.draining_ipv6(), family);
    if (!range.ok()) return In(v4 ? "draining_ipv4" : "draining_ipv6", range.status());
    network.draining[family] = *range;
  }
  auto backend = BackendFromProto(message.backend());
  if (!backend.ok()) return In("backend", backend.status());
  network.backend = *std::move(backend);
  if (message.has_standby()) {
    auto standby = BackendFromProto(message.standby());
    if (!standby.ok()) return In("standby", standby.status());
    network.standby = *std::move(standby);
  }
  HEDDLE_RETURN_IF_ERROR(Validate(network));
  return network;
}

v1::Advertisement ToProto(const Advertisement& advertisement) {
  v1::Advertisement message;
  const auto& address = advertisement.public_address;
  if (address[Family::kV4]) *message.mutable_public_ipv4() = ToProto(*address[Family::kV4]);
  if (address[Family::kV6]) *message.mutable_public_ipv6() = ToProto(*address[Family::kV6]);
  message.set_backend_type(advertisement.backend_type);
  if (!advertisement.vtep_mac.is_zero()) {
    message.set_vtep_mac(advertisement.vtep_mac.ToBytes());
  }
  message.set_standby_type(advertisement.standby_type);
  if (!advertisement.wireguard_public_key.is_zero()) {
    message.set_wireguard_public_key(advertisement.wireguard_public_key.ToBytes());
  }
  message.set_wireguard_port_ipv4(advertisement.wireguard_port[Family::kV4].value_or(0));
  message.set_wireguard_port_ipv6(advertisement.wireguard_port[Family::kV6].value_or(0));
  message.set_extension_backend_data(advertisement.extension_backend_data);
  return message;
}

absl::StatusOr<Advertisement> FromProto(const v1::Advertisement& message) {
  Advertisement advertisement;
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    if (!(v4 ? message.has_public_ipv4() : message.has_public_ipv6())) continue;
    auto ip = AddressOf(v4 ? message.public_ipv4().value() : message.public_ipv6().value(), family);
    if (!ip.ok()) return In(v4 ? "public_ipv4" : "public_ipv6", ip.status());
    advertisement.public_address[family] = *ip;
  }
  advertisement.backend_type = message.backend_type();
  if (!message.vtep_mac().empty()) {
    auto mac = Mac::FromBytes(message.vtep_mac());
    if (!mac.ok()) return In("vtep_mac", mac.status());
    advertisement.vtep_mac = *mac;
  }
  advertisement.standby_type = message.standby_type();
  if (!message.wireguard_public_key().empty()) {
    auto key = WireguardKey::FromBytes(message.wireguard_public_key());
    if (!key.ok()) return In("wireguard_public_key", key.status());
    advertisement.wireguard_public_key = *key;
  }
  for (Family family : kFamilies) {
    const bool v4 = family == Family::kV4;
    const std::uint32_t port = v4 ? message.wireguard_port_ipv4() : message.wireguard_port_ipv6();
    if (port > 65535) {
      return absl::InvalidArgumentError(absl::StrCat(
          v4 ? "wireguard_port_ipv4" : "wireguard_port_ipv6", ": ", port, " is not a UDP port"));
    }
    if (port != 0) advertisement.wireguard_port[family] = static_cast<std::uint16_t>(port);
  }
  advertisement.extension_backend_data = message.extension_backend_data();
  HEDDLE_RETURN_IF_ERROR(Validate(advertisement));
  return advertisement;
}

v1::Peer ToProto(const Peer& peer) {
  v1::Peer message;
  message.set_node_id(peer.node_id);
  SubnetsToProto(peer.subnets, &message);
  *message.mutable_advertisement() = ToProto(peer.advertisement);
  DrainingToProto(peer.draining_subnets, &message);
  return message;
}

absl::StatusOr<Peer> FromProto(const v1::Peer& message) {
  Peer peer;
  if (absl::Status status = ValidateNodeId(message.node_id()); !status.ok()) {
    return In("node_id", status);
  }
  peer.node_id = message.node_id();
  HEDDLE_ASSIGN_OR_RETURN(peer.subnets, SubnetsFromProto(message));
  HEDDLE_ASSIGN_OR_RETURN(peer.draining_subnets, DrainingFromProto(message));
  auto advertisement = FromProto(message.advertisement());
  if (!advertisement.ok()) return In("advertisement", advertisement.status());
  peer.advertisement = *std::move(advertisement);
  return peer;
}

absl::StatusOr<Prefix> SubnetFromProto(const v1::Prefix& prefix, Family family) {
  const absl::string_view field = family == Family::kV4 ? "ipv4_subnet" : "ipv6_subnet";
  auto subnet = FromProto(prefix);
  if (!subnet.ok()) return In(field, subnet.status());
  if (subnet->family() != family) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", subnet->ToString(), " is of the other family"));
  }
  if (subnet->length() < 1 || subnet->length() > BitsOf(family) - 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": ", subnet->ToString(), " is not of a node's size"));
  }
  return *subnet;
}

std::int64_t ToUnixMs(absl::Time time) {
  if (time == absl::InfiniteFuture()) return 0;
  const std::int64_t unix_ms = absl::ToUnixMillis(time);
  return unix_ms == 0 ? 1 : unix_ms;
}

absl::Time FromUnixMs(std::int64_t unix_ms) {
  return unix_ms == 0 ? absl::InfiniteFuture() : absl::FromUnixMillis(unix_ms);
}

}  // namespace heddle

#include "api/peer.h"

#include <xxhash.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/status_macros.h"

namespace heddle {
namespace {

constexpr std::size_t kLongestNodeId = 253;

bool IsLowerAlnum(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

bool IsOneHosts(const Ip& ip) {
  const bool broadcast = ip.family() == Family::kV4 && ip.number() == 0xFFFFFFFF;
  return !ip.is_zero() && !ip.is_loopback() && !ip.is_multicast() && !broadcast;
}

absl::Status CheckType(absl::string_view field, const std::string& type) {
  const BackendSchema* backend = FindBackend(type);
  if (backend != nullptr && backend->type == type) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": not a known backend in lower case"));
}

// Fields one after the other, each after its length, so that no two peers give the same bytes.
class Serialisation {
 public:
  void Add(absl::string_view field) {
    for (int shift = 0; shift < 32; shift += 8) {
      bytes_.push_back(static_cast<char>((field.size() >> shift) & 0xFF));
    }
    bytes_.append(field.data(), field.size());
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

void AddSubnet(const std::optional<Prefix>& subnet, Serialisation* fields) {
  fields->Add(subnet ? subnet->base().ToBytes() + static_cast<char>(subnet->length()) : "");
}

// Those that a first release does not know: left out while they say nothing, so that it agrees.
void AddLaterFields(const Peer& peer, Serialisation* fields) {
  Peer plain;
  plain.node_id = peer.node_id;
  plain.subnets = peer.subnets;
  plain.advertisement.public_address = peer.advertisement.public_address;
  plain.advertisement.backend_type = peer.advertisement.backend_type;
  plain.advertisement.vtep_mac = peer.advertisement.vtep_mac;
  if (plain == peer) return;
  const Advertisement& advertisement = peer.advertisement;
  fields->Add(advertisement.standby_type);
  fields->Add(advertisement.wireguard_public_key.ToBytes());
  for (Family family : kFamilies) {
    fields->Add(absl::StrCat(advertisement.wireguard_port[family].value_or(0)));
  }
  fields->Add(advertisement.extension_backend_data);
  for (Family family : kFamilies) AddSubnet(peer.draining_subnets[family], fields);
}

}  // namespace

std::vector<Prefix> Peer::SubnetsOf(Family family) const {
  std::vector<Prefix> all;
  for (const PerFamily<Prefix>* of : {&subnets, &draining_subnets}) {
    if ((*of)[family]) all.push_back(*(*of)[family]);
  }
  return all;
}

std::vector<Prefix> Peer::AllSubnets() const {
  std::vector<Prefix> all = SubnetsOf(Family::kV4);
  for (const Prefix& subnet : SubnetsOf(Family::kV6)) all.push_back(subnet);
  return all;
}

absl::Status ValidateNodeId(absl::string_view node_id) {
  const auto wrong = [](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("the node id ", why,
                     "; it is 1 to 253 of a-z, 0-9, '.', '-' and '_', starting and ending with a "
                     "letter or digit, such as a host name"));
  };
  if (node_id.empty()) return wrong("is empty");
  if (node_id.size() > kLongestNodeId) {
    return wrong(absl::StrCat("is ", node_id.size(), " characters long"));
  }
  for (char c : node_id) {
    if (!IsLowerAlnum(c) && c != '.' && c != '-' && c != '_') {
      return wrong(absl::StrCat("has the character 0x",
                                absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2)));
    }
  }
  if (!IsLowerAlnum(node_id.front()) || !IsLowerAlnum(node_id.back())) {
    return wrong(absl::StrCat("'", node_id, "' starts or ends with a mark"));
  }
  return absl::OkStatus();
}

absl::Status ValidateExtensionData(absl::string_view text) {
  if (text.size() > kMaxExtensionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("extension_backend_data: ", text.size(),
                                                   " bytes; at most ", kMaxExtensionBytes));
  }
  for (char c : text) {
    if (absl::ascii_iscntrl(c) && c != '\n' && c != '\t') {
      return absl::InvalidArgumentError("extension_backend_data: has a control character");
    }
  }
  return absl::OkStatus();
}

absl::Status ValidatePublicAddress(const Ip& address) {
  if (IsOneHosts(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(address.ToString(), " is not an address of one host"));
}

absl::Status Validate(const Advertisement& advertisement) {
  if (advertisement.public_address.empty()) {
    return absl::InvalidArgumentError("public_ipv4 and public_ipv6: one of them must be there");
  }
  for (Family family : kFamilies) {
    const auto& address = advertisement.public_address[family];
    if (address && (address->family() != family || !IsOneHosts(*address))) {
      return absl::InvalidArgumentError(
          absl::StrCat("public_", family == Family::kV4 ? "ipv4" : "ipv6", ": ",
                       address->ToString(), " is not an address of one host"));
    }
  }
  HEDDLE_RETURN_IF_ERROR(CheckType("backend_type", advertisement.backend_type));
  if (!advertisement.standby_type.empty()) {
    HEDDLE_RETURN_IF_ERROR(CheckType("standby_type", advertisement.standby_type));
    if (advertisement.standby_type == advertisement.backend_type) {
      return absl::InvalidArgumentError("standby_type: the same as backend_type");
    }
  }
  const bool needs_mac = advertisement.Runs("vxlan");
  if (advertisement.vtep_mac.is_multicast() || (needs_mac && advertisement.vtep_mac.is_zero())) {
    return absl::InvalidArgumentError(absl::StrCat("vtep_mac: ", advertisement.vtep_mac.ToString(),
                                                   " is not an Ethernet address of one host"));
  }
  if (advertisement.Runs("wireguard") && advertisement.wireguard_public_key.is_zero()) {
    return absl::InvalidArgumentError("wireguard_public_key: missing");
  }
  return ValidateExtensionData(advertisement.extension_backend_data);
}

std::uint64_t PeerDigest(const Peer& peer) {
  Serialisation fields;
  fields.Add(peer.node_id);
  for (Family family : kFamilies) AddSubnet(peer.subnets[family], &fields);
  for (Family family : kFamilies) {
    const auto& address = peer.advertisement.public_address[family];
    fields.Add(address ? address->ToBytes() : "");
  }
  fields.Add(peer.advertisement.backend_type);
  fields.Add(peer.advertisement.vtep_mac.ToBytes());
  AddLaterFields(peer, &fields);
  return XXH3_64bits(fields.bytes().data(), fields.bytes().size());
}

}  // namespace heddle

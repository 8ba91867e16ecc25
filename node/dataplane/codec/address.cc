#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {

using Kind = Operation::Kind;

std::string Footing(const AddressKey& key, const Address&) { return key.link; }

void Encode(Kind kind, const AddressKey& key, const Address& address, int link_index,
            MessageBuilder* out) {
  const bool remove = kind == Kind::kRemove;
  ifaddrmsg header{};
  header.ifa_family = ToAddressFamily(key.address.family());
  header.ifa_prefixlen = address.prefix_length;
  header.ifa_index = link_index;
  out->Begin(remove ? RTM_DELADDR : RTM_NEWADDR, remove ? 0 : ReplacingFlags(), header);
  out->AttributeIp(IFA_LOCAL, key.address);
  out->AttributeIp(IFA_ADDRESS, key.address);
  // Usable at once: nobody else can have an address of our subnet. IPv4 has no such wait.
  const std::uint32_t flags = key.address.family() == Family::kV6 ? IFA_F_NODAD : 0;
  if (!remove && flags != 0) out->AttributeNumber(IFA_FLAGS, flags);
}

std::optional<std::pair<AddressKey, Address>> DecodeAddress(const Message& message,
                                                            const LinkNames& names) {
  const auto header = message.HeaderAs<ifaddrmsg>();
  if (!header || (message.type != RTM_NEWADDR && message.type != RTM_DELADDR)) return std::nullopt;
  const std::string link = NameOf(names, header->ifa_index);
  const Attributes attributes(message.After(sizeof(*header)));
  auto address = attributes.Address(IFA_LOCAL);
  if (!address) address = attributes.Address(IFA_ADDRESS);
  if (link.empty() || !address || ToAddressFamily(address->family()) != header->ifa_family) {
    return std::nullopt;
  }
  if (address->family() == Family::kV6 && address->is_link_local()) return std::nullopt;
  return std::make_pair(AddressKey{link, *address}, Address{header->ifa_prefixlen});
}

void EncodeAddressDump(MessageBuilder* out) { out->Begin(RTM_GETADDR, 0, ifaddrmsg{}); }

}  // namespace heddle::node

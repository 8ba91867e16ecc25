#include "node/dataplane/netlink_message.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>

namespace heddle::node {
namespace {

constexpr std::size_t Aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

}  // namespace

void MessageBuilder::BeginBytes(std::uint16_t type, std::uint16_t flags, absl::string_view header) {
  message_start_ = bytes_.size();
  nlmsghdr start{};
  start.nlmsg_type = type;
  start.nlmsg_flags = flags | NLM_F_REQUEST;
  start.nlmsg_seq = static_cast<std::uint32_t>(message_count_++);
  bytes_.append(reinterpret_cast<const char*>(&start), sizeof(start));
  bytes_.append(header.data(), header.size());
  Pad();
  GrowMessage();
}

void MessageBuilder::Attribute(std::uint16_t type, absl::string_view bytes) {
  const nlattr start{static_cast<std::uint16_t>(NLA_HDRLEN + bytes.size()), type};
  bytes_.append(reinterpret_cast<const char*>(&start), sizeof(start));
  bytes_.append(bytes.data(), bytes.size());
  Pad();
  GrowMessage();
}

MessageBuilder::Nest::Nest(MessageBuilder* builder, std::uint16_t type)
    : builder_(builder), start_(builder->bytes_.size()) {
  builder_->Attribute(type | NLA_F_NESTED, {});
}

MessageBuilder::Nest::~Nest() {
  const auto size = static_cast<std::uint16_t>(builder_->bytes_.size() - start_);
  std::memcpy(&builder_->bytes_[start_ + offsetof(nlattr, nla_len)], &size, sizeof(size));
}

void MessageBuilder::Clear() {
  bytes_.clear();
  message_start_ = message_count_ = 0;
}

void MessageBuilder::Pad() { bytes_.resize(Aligned(bytes_.size())); }

void MessageBuilder::GrowMessage() {
  const auto size = static_cast<std::uint32_t>(bytes_.size() - message_start_);
  std::memcpy(&bytes_[message_start_ + offsetof(nlmsghdr, nlmsg_len)], &size, sizeof(size));
}

absl::string_view Message::After(std::size_t size) const {
  return payload.substr(std::min(Aligned(size), payload.size()));
}

std::optional<Message> TakeMessage(absl::string_view* datagram) {
  const auto* start = reinterpret_cast<const nlmsghdr*>(datagram->data());
  if (!nlmsg_ok(start, static_cast<int>(datagram->size()))) return std::nullopt;
  const nlmsghdr header = *start;
  Message message;
  message.type = header.nlmsg_type;
  message.flags = header.nlmsg_flags;
  message.sequence = header.nlmsg_seq;
  message.port = header.nlmsg_pid;
  message.payload = datagram->substr(sizeof(header), header.nlmsg_len - sizeof(header));
  datagram->remove_prefix(std::min(Aligned(header.nlmsg_len), datagram->size()));
  return message;
}

std::optional<absl::string_view> Attributes::Find(std::uint16_t type) const {
  const nlattr* found = nla_find(reinterpret_cast<const nlattr*>(bytes_.data()),
                                 static_cast<int>(bytes_.size()), type);
  if (found == nullptr) return std::nullopt;
  return absl::string_view(static_cast<const char*>(nla_data(found)), nla_len(found));
}

std::optional<Ip> Attributes::Address(std::uint16_t type) const {
  const auto bytes = Find(type);
  if (!bytes) return std::nullopt;
  const auto ip = Ip::FromBytes(*bytes);
  if (!ip.ok()) return std::nullopt;
  return *ip;
}

std::optional<Mac> Attributes::MacAddress(std::uint16_t type) const {
  const auto bytes = Find(type);
  if (!bytes) return std::nullopt;
  const auto mac = Mac::FromBytes(*bytes);
  if (!mac.ok()) return std::nullopt;
  return *mac;
}

std::string Attributes::Text(std::uint16_t type) const {
  const auto bytes = Find(type);
  if (!bytes) return "";
  return std::string(bytes->substr(0, bytes->find('\0')));
}

Attributes Attributes::Nested(std::uint16_t type) const {
  return Attributes(Find(type).value_or(absl::string_view()));
}

void Attributes::ForEach(const std::function<void(const Attributes&)>& f) const {
  const auto* attribute = reinterpret_cast<const nlattr*>(bytes_.data());
  for (int left = static_cast<int>(bytes_.size()); nla_ok(attribute, left);
       attribute = nla_next(attribute, &left)) {
    f(Attributes({static_cast<const char*>(nla_data(attribute)),
                  static_cast<std::size_t>(nla_len(attribute))}));
  }
}

}  // namespace heddle::node

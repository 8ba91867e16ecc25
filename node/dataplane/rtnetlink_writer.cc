#include "node/dataplane/rtnetlink_writer.h"

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "node/dataplane/tun_device.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

bool MeansAbsent(int error) {
  return error == ENOENT || error == ESRCH || error == ENODEV || error == EADDRNOTAVAIL;
}

absl::string_view Advice(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "; run as root or give the capability CAP_NET_ADMIN";
    case EEXIST:
      return "; another program holds it: remove that, or choose other ranges for the cluster";
    case ENOTSUP:
    case EAFNOSUPPORT:
      return "; this kernel lacks what it needs: load the module or use another backend";
    case ENOMEM:
    case ENOBUFS:
      return "; the kernel is out of memory or at a limit (net.ipv4.neigh.default.gc_thresh3)";
    case ENETUNREACH:
    case ENETDOWN:
      return "; is the underlay device up and does it have its address?";
    default:
      return "; it is tried again at the next look at the kernel";
  }
}

absl::string_view ModuleOf(const VxlanLink&) { return "vxlan"; }
absl::string_view ModuleOf(const IpipLink&) { return "ipip"; }
absl::string_view ModuleOf(const WireguardLink&) { return "wireguard"; }
absl::string_view ModuleOf(const TunLink&) { return "tun"; }

// The same for a link, where the kind says more than the number.
std::string LinkAdvice(int error, const Link& link) {
  const absl::string_view module =
      std::visit([](const auto& kind) { return ModuleOf(kind); }, link.kind);
  if (error == ENOTSUP) {
    return absl::StrCat("; this kernel has no ", module, ": run `modprobe ", module,
                        "`, install the package with the kernel's modules, or use another backend");
  }
  if (error == EEXIST && std::holds_alternative<IpipLink>(link.kind)) {
    return "; another device holds the name, or is an ipip tunnel from the same local address (see "
           "`ip -d link show type ipip`): remove that";
  }
  return std::string(Advice(error));
}

std::string AdviceFor(int error, const Operation& operation) {
  const auto* link = std::get_if<std::pair<std::string, Link>>(&operation.object);
  return link == nullptr ? std::string(Advice(error)) : LinkAdvice(error, link->second);
}

// Keys under which a foreigner may hold something. On our own links there are none.
std::string ForeignKey(const std::string& name, const Link&) { return absl::StrCat("link ", name); }
std::string ForeignKey(std::uint32_t id, const Nexthop&) { return absl::StrCat("nexthop ", id); }
std::string ForeignKey(const RouteKey& key, const Route&) {
  return absl::StrCat("route ", key.destination.ToString(), " ", key.metric);
}
template <typename Key, typename Value>
std::string ForeignKey(const Key&, const Value&) {
  return "";
}

// Whether the kernel could express the object at all.
absl::Status CheckEncodable(const RouteKey& key, const Route& route) {
  const auto* via = std::get_if<RouteVia>(&route.via);
  if (via != nullptr && via->gateway.family() != key.destination.family()) {
    return absl::InvalidArgumentError("its gateway is of the other address family");
  }
  return absl::OkStatus();
}
template <typename Key, typename Value>
absl::Status CheckEncodable(const Key&, const Value&) {
  return absl::OkStatus();
}

}  // namespace

void RtnetlinkWriter::Start(std::vector<Failure>* failures) {
  failures_ = failures;
  indexes_.clear();
}

template <typename Key, typename Value>
void RtnetlinkWriter::Add(const Operation& operation, const Key& key, const Value& value) {
  Kind kind = operation.kind;
  if (!foreign_.empty()) {
    const std::string foreign_key = ForeignKey(key, value);
    const bool foreign = !foreign_key.empty() && foreign_.contains(foreign_key);
    if (foreign && kind == Kind::kRemove) return;
    if (foreign) kind = Kind::kAdd;  // it may be gone by now
    if (foreign) foreign_.erase(foreign_key);
  }
  if constexpr (std::is_same_v<Value, Link>) {
    AddLink({kind, operation.object}, key, value);
  } else {
    const absl::Status encodable = CheckEncodable(key, value);
    if (!encodable.ok()) return FailWith(operation, encodable);
    int index = 0;
    const std::string footing = Footing(key, value);
    if (!footing.empty()) {
      const auto found = IndexOf(footing);
      // With its link the object is gone, too.
      if (kind == Kind::kRemove && absl::IsNotFound(found.status())) return;
      if (!found.ok()) return FailWith(operation, found.status());
      index = *found;
    }
    Encode(kind, key, value, index, batch_.messages());
    batch_.Own(operation);
    if (batch_.is_full()) Flush();
  }
}

template void RtnetlinkWriter::Add(const Operation&, const std::string&, const Link&);
template void RtnetlinkWriter::Add(const Operation&, const AddressKey&, const Address&);
template void RtnetlinkWriter::Add(const Operation&, const FdbKey&, const FdbEntry&);
template void RtnetlinkWriter::Add(const Operation&, const NeighbourKey&, const Neighbour&);
template void RtnetlinkWriter::Add(const Operation&, const std::uint32_t&, const Nexthop&);
template void RtnetlinkWriter::Add(const Operation&, const RouteKey&, const Route&);

// Links are few, and what follows needs their indexes: each is sent by itself.
void RtnetlinkWriter::AddLink(const Operation& operation, const std::string& name,
                              const Link& link) {
  Flush();
  indexes_.erase(name);
  int lower = 0;
  const std::string footing = Footing(name, link);
  if (operation.kind == Kind::kAdd && !footing.empty()) {
    const auto found = IndexOf(footing);
    if (!found.ok()) return FailWith(operation, found.status());
    lower = *found;
  }
  const std::size_t failures_before = failures_->size();
  if (operation.kind == Kind::kAdd && std::holds_alternative<TunLink>(link.kind)) {
    MakeTun(operation, name, link);
  } else {
    const bool set_mac =
        operation.kind == Kind::kChange && !link.mac.is_zero() && MacOf(name) != link.mac;
    EncodeLink(operation.kind, name, link, lower, set_mac, batch_.messages());
    batch_.Own(operation);
  }
  Flush();
  if (operation.kind != Kind::kAdd || failures_->size() != failures_before) return;
  EncodeLinkStart(name, link, batch_.messages());
  batch_.Own(operation);
  Flush();
}

void RtnetlinkWriter::MakeTun(const Operation& operation, const std::string& name,
                              const Link& link) {
  const absl::Status made = MakeTunDevice(name);
  if (!made.ok()) {
    if (absl::IsAlreadyExists(made)) foreign_.insert(ForeignKey(name, link));
    return FailWith(operation, made);
  }
  Link still_down = link;
  still_down.up = false;
  EncodeLink(Kind::kChange, name, still_down, 0, /*set_mac=*/false, batch_.messages());
  batch_.Own(operation);
}

void RtnetlinkWriter::Flush() {
  batch_.Flush(&socket_, failures_,
               [this](const Operation& operation, const NetlinkSocket::Refusal& refusal) {
                 Refused(operation, refusal);
               });
}

void RtnetlinkWriter::Refused(const Operation& operation, const NetlinkSocket::Refusal& refusal) {
  if (operation.kind == Kind::kRemove && MeansAbsent(refusal.error)) return;
  const bool is_link = std::holds_alternative<std::pair<std::string, Link>>(operation.object);
  // The new link's wish for no link-local address, on a kernel without IPv6.
  if (is_link && refusal.error == EAFNOSUPPORT && batch_.message_count() > 1) return;
  if (operation.kind != Kind::kRemove && refusal.error == EEXIST) {
    const std::string key =
        std::visit([](const auto& object) { return ForeignKey(object.first, object.second); },
                   operation.object);
    if (!key.empty()) foreign_.insert(key);
  }
  const absl::Status by_errno = absl::ErrnoToStatus(refusal.error, "");
  FailWith(operation,
           absl::Status(by_errno.code(), absl::StrCat("the kernel says: ", refusal.text,
                                                      AdviceFor(refusal.error, operation))));
}

absl::StatusOr<int> RtnetlinkWriter::IndexOf(const std::string& name) {
  const auto known = indexes_.find(name);
  int index = known == indexes_.end() ? 0 : known->second;
  if (known == indexes_.end()) {
    MessageBuilder request;
    EncodeLinkGet(name, &request);
    const absl::Status status = socket_.Get(&request, [&](const Message& message) {
      if (const auto link = DecodeLinkName(message)) index = link->first;
    });
    if (!status.ok() && !absl::IsNotFound(status)) return status;
    indexes_[name] = index;
  }
  if (index == 0) return absl::NotFoundError(absl::StrCat("link ", name, " does not exist"));
  return index;
}

Mac RtnetlinkWriter::MacOf(const std::string& name) {
  Mac mac;
  MessageBuilder request;
  EncodeLinkGet(name, &request);
  const absl::Status status = socket_.Get(&request, [&](const Message& message) {
    if (const auto link = DecodeLink(message, {})) mac = link->second.mac;
  });
  return status.ok() ? mac : Mac{};
}

void RtnetlinkWriter::FailWith(const Operation& operation, const absl::Status& status) {
  AddFailure(operation, status, failures_);
}

}  // namespace heddle::node

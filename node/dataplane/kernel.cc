#include "node/dataplane/kernel.h"

#include <linux/netlink.h>

#include <string>
#include <utility>

#include "base/status_macros.h"
#include "node/dataplane/features.h"
#include "node/dataplane/operation_batch.h"
#include "node/dataplane/rtnetlink_reader.h"
#include "node/dataplane/rtnetlink_writer.h"
#include "node/dataplane/rules.h"
#include "node/dataplane/sysctl.h"
#include "node/dataplane/udp_forwarder.h"
#include "node/dataplane/wireguard.h"

namespace heddle::node {
namespace {

class Kernel final : public KernelDataplane {
 public:
  Kernel(NetlinkSocket socket, Rules rules, KernelOptions options)
      : writer_(std::move(socket)),
        rules_(std::move(rules)),
        wireguard_(options.wireguard),
        forwarder_(std::move(options.forwarder)),
        hooks_(std::move(options.hooks)) {}

  absl::StatusOr<NetworkState> Read() override {
    NetworkState state;
    HEDDLE_RETURN_IF_ERROR(ReadRtnetlink(writer_.socket(), &state));
    std::vector<std::string> links;
    for (const auto& [name, link] : state.links) links.push_back(name);
    HEDDLE_ASSIGN_OR_RETURN(state.sysctls, ReadSysctls(links));
    HEDDLE_RETURN_IF_ERROR(ReadFeatures(&state));
    HEDDLE_ASSIGN_OR_RETURN(state.rules, rules_.Read());
    HEDDLE_RETURN_IF_ERROR(wireguard_.Read(&state));
    forwarder_.Read(&state);
    hooks_.Read(&state);
    return state;
  }

  std::vector<Failure> Apply(const std::vector<Operation>& operations) override {
    std::vector<Failure> failures;
    writer_.Start(&failures);
    wireguard_.Start(&failures);
    forwarder_.Start(&failures);
    hooks_.Start();
    for (const Operation& operation : operations) {
      std::visit([&](const auto& o) { ApplyOne(operation, o.first, o.second, &failures); },
                 operation.object);
    }
    FlushAll();
    forwarder_.Finish();
    return failures;
  }

  std::uint32_t netlink_port() const override { return writer_.port(); }
  int fd() const override { return forwarder_.fd(); }
  bool TakeHint() override { return forwarder_.HasEnded(); }

 private:
  template <typename Key, typename Value>
  void ApplyOne(const Operation& operation, const Key& key, const Value& value,
                std::vector<Failure>*) {
    wireguard_.Flush();
    forwarder_.Flush();
    writer_.Add(operation, key, value);
  }

  void ApplyOne(const Operation& operation, const std::string& key, const std::string& value,
                std::vector<Failure>* failures) {
    if (operation.kind == Operation::Kind::kRemove) return;  // a setting has no absence
    FlushAll();
    Record(operation, WriteSysctl(key, value), failures);
  }

  void ApplyOne(const Operation& operation, const FeatureKey& key, const FeatureOff&,
                std::vector<Failure>* failures) {
    writer_.Flush();
    Record(operation, WriteFeature(key, operation.kind == Operation::Kind::kRemove), failures);
  }

  void ApplyOne(const Operation& operation, Family family, const RuleSet& rules,
                std::vector<Failure>* failures) {
    FlushAll();
    Record(operation, rules_.Write(operation.kind, family, rules), failures);
  }

  void ApplyOne(const Operation& operation, const std::string& link, const WireguardDevice& device,
                std::vector<Failure>*) {
    writer_.Flush();
    wireguard_.Add(operation, link, device);
  }

  void ApplyOne(const Operation& operation, const WireguardPeerKey& key, const WireguardPeer& peer,
                std::vector<Failure>*) {
    writer_.Flush();
    wireguard_.Add(operation, key, peer);
  }

  // Before its TUN device goes, the forwarder lets go of it.
  void ApplyOne(const Operation& operation, const std::string& name, const Link& link,
                std::vector<Failure>*) {
    FlushAll();
    const bool is_tun = std::holds_alternative<TunLink>(link.kind);
    if (is_tun && operation.kind == Operation::Kind::kRemove) forwarder_.Forget(operation);
    writer_.Add(operation, name, link);
  }

  void ApplyOne(const Operation& operation, const UdpListenerKey& key, const UdpListener&,
                std::vector<Failure>*) {
    writer_.Flush();
    forwarder_.Add(operation, key.link);
  }

  void ApplyOne(const Operation& operation, const UdpTunnelKey& key, const UdpTunnel&,
                std::vector<Failure>*) {
    writer_.Flush();
    forwarder_.Add(operation, key.link);
  }

  void ApplyOne(const Operation& operation, const HookKey& key, const Hook& hook,
                std::vector<Failure>* failures) {
    FlushAll();
    Record(operation, hooks_.Write(operation.kind, key, hook), failures);
  }

  // What is sent in order, whichever socket it goes by.
  void FlushAll() {
    writer_.Flush();
    wireguard_.Flush();
    forwarder_.Flush();
  }

  static void Record(const Operation& operation, const absl::Status& status,
                     std::vector<Failure>* failures) {
    if (!status.ok()) AddFailure(operation, status, failures);
  }

  RtnetlinkWriter writer_;
  Rules rules_;
  Wireguard wireguard_;
  UdpForwarder forwarder_;
  Hooks hooks_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<KernelDataplane>> OpenKernelDataplane(KernelOptions options) {
  HEDDLE_ASSIGN_OR_RETURN(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_ROUTE));
  HEDDLE_ASSIGN_OR_RETURN(Rules rules, Rules::Open());
  return std::make_unique<Kernel>(std::move(socket), std::move(rules), std::move(options));
}

}  // namespace heddle::node

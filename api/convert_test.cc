#include "api/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/backend_schema.h"
#include "api/heddle/v1/records.pb.h"

namespace heddle {
namespace {

using ::testing::HasSubstr;

Prefix P(absl::string_view text) { return Prefix::Parse(text).value(); }
Ip A(absl::string_view text) { return Ip::Parse(text).value(); }

Peer DualPeer() {
  Peer peer;
  peer.node_id = "host-1.example";
  peer.subnets[Family::kV4] = P("10.3.1.0/24");
  peer.subnets[Family::kV6] = P("fc00:0:0:1::/64");
  peer.advertisement.public_address[Family::kV4] = A("192.0.2.1");
  peer.advertisement.public_address[Family::kV6] = A("2001:db8::1");
  peer.advertisement.backend_type = "vxlan";
  peer.advertisement.vtep_mac = Mac::Parse("02:00:00:00:00:01").value();
  return peer;
}

template <typename T>
std::string ErrorOf(const absl::StatusOr<T>& value) {
  EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(value.status().message());
}

TEST(Convert, PeerRoundTrips) {
  const Peer peer = DualPeer();
  EXPECT_EQ(FromProto(ToProto(peer)).value(), peer);
  for (Family family : kFamilies) {
    Peer one = peer;
    one.subnets[family].reset();
    one.advertisement.public_address[family].reset();
    EXPECT_EQ(FromProto(ToProto(one)).value(), one);
  }
}

TEST(Convert, NetworkRoundTripsForEveryBackend) {
  for (const BackendSchema& schema : BackendSchemas()) {
    Network network;
    network.ranges[Family::kV4] = {P("10.3.0.0/16"), 24, A("10.3.1.0"), A("10.3.255.0")};
    if (!schema.ipv4_only) {
      network.ranges[Family::kV6] = {P("fc00::/48"), 64, A("fc00:0:0:1::"), A("fc00:0:0:ff::")};
    }
    BackendConfig config{schema.type, {}};
    if (schema.type == "ipsec") config.options["PSK"] = std::string(96, 'k');
    network.backend = CompleteBackend(config).value();
    EXPECT_EQ(FromProto(ToProto(network)).value(), network) << schema.type;
  }
}

TEST(Convert, AnOptionThatTheSenderDidNotKnowHasItsDefault) {
  Network network;
  network.ranges[Family::kV4] = {P("10.3.0.0/16"), 24, A("10.3.1.0"), A("10.3.255.0")};
  network.backend = CompleteBackend({"vxlan", {{"Port", std::int64_t{4789}}}}).value();
  v1::Network message = ToProto(network);
  message.mutable_backend()->mutable_options()->erase("ChecksumOffload");
  EXPECT_EQ(FromProto(message).value(), network);
  (*message.mutable_backend()->mutable_options())["Newer"].set_boolean(true);
  EXPECT_THAT(ErrorOf(FromProto(message)), HasSubstr("Newer"));
}

TEST(Convert, RefusesBadPeersNamingTheField) {
  const auto broken = [](void (*change)(v1::Peer*)) {
    v1::Peer message = ToProto(DualPeer());
    change(&message);
    return ErrorOf(FromProto(message));
  };
  EXPECT_THAT(broken([](v1::Peer* p) { p->set_node_id("No"); }), HasSubstr("node_id"));
  EXPECT_THAT(broken([](v1::Peer* p) { p->mutable_ipv4_subnet()->set_base("abc"); }),
              HasSubstr("ipv4_subnet"));
  EXPECT_THAT(broken([](v1::Peer* p) { p->mutable_ipv4_subnet()->set_length(8); }),
              HasSubstr("bits set behind"));
  EXPECT_THAT(broken([](v1::Peer* p) { p->mutable_ipv4_subnet()->set_length(0xFFFFFFFF); }),
              HasSubstr("longer than the address"));
  EXPECT_THAT(broken([](v1::Peer* p) { p->mutable_ipv4_subnet()->set_length(32); }),
              HasSubstr("not of a node's size"));
  EXPECT_THAT(broken([](v1::Peer* p) { *p->mutable_ipv6_subnet() = p->ipv4_subnet(); }),
              HasSubstr("ipv6_subnet"));
  EXPECT_THAT(broken([](v1::Peer* p) {
                p->clear_ipv4_subnet();
                p->clear_ipv6_subnet();
              }),
              HasSubstr("one of them must be there"));
  EXPECT_THAT(broken([](v1::Peer* p) { p->clear_advertisement(); }), HasSubstr("advertisement"));
}

TEST(Convert, RefusesBadAdvertisementsNamingTheField) {
  const auto broken = [](void (*change)(v1::Advertisement*)) {
    v1::Advertisement message = ToProto(DualPeer().advertisement);
    change(&message);
    return ErrorOf(FromProto(message));
  };
  using Ad = v1::Advertisement;
  EXPECT_THAT(broken([](Ad* a) { a->mutable_public_ipv4()->set_value(A("::1").ToBytes()); }),
              HasSubstr("public_ipv4"));
  for (const char* address : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    Ad message = ToProto(DualPeer().advertisement);
    message.mutable_public_ipv4()->set_value(A(address).ToBytes());
    EXPECT_THAT(ErrorOf(FromProto(message)), HasSubstr("public_ipv4")) << address;
  }
  EXPECT_THAT(broken([](Ad* a) { a->set_backend_type("VXLAN"); }), HasSubstr("backend_type"));
  EXPECT_THAT(broken([](Ad* a) { a->set_backend_type("geneve"); }), HasSubstr("backend_type"));
  EXPECT_THAT(broken([](Ad* a) { a->set_vtep_mac("12345"); }), HasSubstr("vtep_mac"));
  EXPECT_THAT(broken([](Ad* a) { a->clear_vtep_mac(); }), HasSubstr("vtep_mac"));
  EXPECT_THAT(broken([](Ad* a) { a->set_vtep_mac("\x01\x02\x03\x04\x05\x06"); }),
              HasSubstr("vtep_mac"));
}

TEST(Convert, RefusesBadNetworksNamingTheField) {
  v1::Network good;
  {
    Network network;
    network.ranges[Family::kV4] = {P("10.3.0.0/16"), 24, A("10.3.1.0"), A("10.3.255.0")};
    network.backend = CompleteBackend({"vxlan", {}}).value();
    good = ToProto(network);
  }
  v1::Network message = good;
  message.mutable_ipv4()->set_subnet_length(0x80000018);
  EXPECT_THAT(ErrorOf(FromProto(message)), HasSubstr("subnet_length"));
  message = good;
  message.mutable_ipv4()->set_subnet_min(A("::").ToBytes());
  EXPECT_THAT(ErrorOf(FromProto(message)), HasSubstr("subnet_min"));
  message = good;
  (*message.mutable_backend()->mutable_options())["VNI"].clear_kind();
  EXPECT_THAT(ErrorOf(FromProto(message)), HasSubstr("options[VNI]"));
  message = good;
  *message.mutable_ipv6() = message.ipv4();
  EXPECT_THAT(ErrorOf(FromProto(message)), HasSubstr("ipv6"));
  EXPECT_FALSE(FromProto(v1::Network()).ok());
}

TEST(Convert, SubnetsOfRecords) {
  v1::LeaseRecord record;
  EXPECT_FALSE(SubnetsFromProto(record).ok());
  SubnetsToProto(DualPeer().subnets, &record);
  EXPECT_EQ(SubnetsFromProto(record).value(), DualPeer().subnets);
}

TEST(Convert, ZeroMillisecondsIsNever) {
  EXPECT_EQ(FromUnixMs(0), absl::InfiniteFuture());
  EXPECT_EQ(ToUnixMs(absl::InfiniteFuture()), 0);
  EXPECT_NE(ToUnixMs(absl::UnixEpoch()), 0) << "a time that has come is not never";
  const absl::Time time = absl::FromUnixMillis(1700000000123);
  EXPECT_EQ(FromUnixMs(ToUnixMs(time)), time);
}

TEST(PeerDigest, DependsOnEveryField) {
  const std::uint64_t digest = PeerDigest(DualPeer());
  const auto changed = [](void (*change)(Peer*)) {
    Peer peer = DualPeer();
    change(&peer);
    return PeerDigest(peer);
  };
  EXPECT_NE(digest, changed([](Peer* p) { p->node_id = "host-2.example"; }));
  EXPECT_NE(digest, changed([](Peer* p) { p->subnets[Family::kV4] = P("10.3.1.0/25"); }));
  EXPECT_NE(digest, changed([](Peer* p) { p->subnets[Family::kV6].reset(); }));
  EXPECT_NE(digest, changed([](Peer* p) {
              p->advertisement.public_address[Family::kV6] = A("2001:db8::2");
            }));
  EXPECT_NE(digest, changed([](Peer* p) { p->advertisement.backend_type = "host-gw"; }));
  EXPECT_NE(digest, changed([](Peer* p) { p->advertisement.vtep_mac.bytes[5] = 2; }));
}

TEST(PeerDigest, IsTheSameInEveryRelease) {
  EXPECT_EQ(PeerDigest(DualPeer()), 2609797652909968774u);
}

TEST(NodeId, NamesAsHostsHaveThem) {
  for (const char* good :
       {"a", "7", "host-1", "host_1.example.org", "4c4c4544004b3710805ab9c04f585931"}) {
    EXPECT_EQ(ValidateNodeId(good), absl::OkStatus()) << good;
  }
  for (const char* bad : {"", "-a", "a.", "_", "Host", "a/b", "a b", "\xc3\xa9"}) {
    EXPECT_EQ(ValidateNodeId(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ValidateNodeId(std::string(253, 'a')), absl::OkStatus());
  EXPECT_FALSE(ValidateNodeId(std::string(254, 'a')).ok());
  EXPECT_FALSE(ValidateNodeId(absl::string_view("a\0b", 3)).ok());
}

}  // namespace
}  // namespace heddle

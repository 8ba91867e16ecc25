// Encode, then decode. On a real kernel the same is checked by kernel_test.cc.

#include "node/dataplane/codec/codec.h"

#include <linux/if_link.h>

#include "gtest/gtest.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

const LinkNames kNames = {{4, "heddle.1"}, {9, "eth0"}};
constexpr Mac kMac{{2, 0, 0, 0, 0, 7}};

Ip Address(Family family) {
  return family == Family::kV4 ? *Ip::Parse("10.1.2.3") : *Ip::Parse("fd00::3");
}

template <typename Key, typename Value>
MessageBuilder Encoded(Kind kind, const Key& key, const Value& value, int index) {
  MessageBuilder builder;
  Encode(kind, key, value, index, &builder);
  return builder;
}

// Every cut of the message decodes to nothing or to something, without harm; and the whole to `key`
// and `value`.
template <typename Key, typename Value, typename Decode>
void ExpectIdentity(const Key& key, const Value& value, int index, Decode decode) {
  for (Kind kind : {Kind::kAdd, Kind::kChange}) {
    const MessageBuilder builder = Encoded(kind, key, value, index);
    absl::string_view bytes = builder.bytes();
    const auto message = TakeMessage(&bytes);
    ASSERT_TRUE(message && bytes.empty());
    const auto decoded = decode(*message, kNames);
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(decoded->first == key);
    EXPECT_TRUE(decoded->second == value);
    for (std::size_t end = 0; end < message->payload.size(); ++end) {
      const std::string cut(message->payload.substr(0, end));  // on the heap, for the sanitizer
      Message shorter = *message;
      shorter.payload = cut;
      decode(shorter, kNames);
    }
  }
}

class CodecTest : public testing::TestWithParam<Family> {};
INSTANTIATE_TEST_SUITE_P(Families, CodecTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

TEST_P(CodecTest, EncodeThenDecodeIsTheIdentity) {
  const Ip ip = Address(GetParam());
  ExpectIdentity(AddressKey{"heddle.1", ip}, heddle::node::Address{BitsOf(GetParam())}, 4,
                 DecodeAddress);
  ExpectIdentity(NeighbourKey{"heddle.1", ip}, Neighbour{kMac}, 4, DecodeNeighbour);
  ExpectIdentity(FdbKey{"heddle.1", kMac}, FdbEntry{ip}, 4, DecodeFdb);
  for (bool onlink : {false, true}) {
    ExpectIdentity(std::uint32_t{77}, Nexthop{"heddle.1", ip, onlink}, 4, DecodeNexthop);
    for (std::uint32_t metric : {0u, 1u, 1025u}) {
      for (int length : {0, 1, 24, BitsOf(GetParam())}) {
        const RouteKey key{Prefix(ip, length), metric};
        ExpectIdentity(key, Route{RouteVia{"eth0", ip, onlink}}, 9, DecodeRoute);
        ExpectIdentity(key, Route{std::uint32_t{77}}, 0, DecodeRoute);
      }
    }
  }
}

TEST(TunLinkTest, SurvivesTheRoundTrip) {
  for (bool persistent : {true, false}) {
    const Link link{TunLink{persistent}, Mac{}, 1472, true};
    MessageBuilder builder;
    EncodeLink(Kind::kAdd, kUdpLinkName, link, 0, false, &builder);
    absl::string_view bytes = builder.bytes();
    auto decoded = DecodeLink(*TakeMessage(&bytes), kNames);
    ASSERT_TRUE(decoded);
    decoded->second.up = true;  // a new link is born down
    EXPECT_TRUE(decoded->second == link);
  }
}

TEST_P(CodecTest, LinksSurviveTheRoundTrip) {
  for (int variant = 0; variant < 4; ++variant) {
    VxlanLink vxlan;
    vxlan.vni = 1;
    vxlan.port = 8472;
    vxlan.lower = "eth0";
    vxlan.local = Address(GetParam());
    vxlan.learning = variant & 1;
    vxlan.gbp = variant & 2;
    const Link link{vxlan, kMac, 1450, false};  // it is born down
    MessageBuilder builder;
    EncodeLink(Kind::kAdd, "heddle.1", link, 9, false, &builder);
    absl::string_view bytes = builder.bytes();
    const auto decoded = DecodeLink(*TakeMessage(&bytes), kNames);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->first, "heddle.1");
    EXPECT_TRUE(decoded->second == link);
  }
}

TEST(Codec, AnIpipLinkSurvivesTheRoundTrip) {
  const Link link{IpipLink{Address(Family::kV4)}, Mac{}, 1480, false};
  MessageBuilder builder;
  EncodeLink(Kind::kAdd, "heddle.ipip", link, 0, false, &builder);
  // A real kernel also tells the tunnel's own address, as hardware address of four bytes.
  builder.AttributeIp(IFLA_ADDRESS, Address(Family::kV4));
  absl::string_view bytes = builder.bytes();
  const auto decoded = DecodeLink(*TakeMessage(&bytes), kNames);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->first, "heddle.ipip");
  EXPECT_TRUE(decoded->second == link);
}

TEST(Codec, TunnelsThatAreNotOursDecodeToNothing) {
  const Link link{IpipLink{Address(Family::kV4)}, Mac{}, 1480, false};
  for (const char* name : {"tunl0", "flannel.ipip", "heddle.ipip0"}) {
    MessageBuilder builder;
    EncodeLink(Kind::kAdd, name, link, 0, false, &builder);
    absl::string_view bytes = builder.bytes();
    EXPECT_FALSE(DecodeLink(*TakeMessage(&bytes), kNames)) << name;
  }
}

TEST(Codec, TheKernelsDefaultIpv6MetricIsNone) {
  const RouteKey key{*Prefix::Parse("fd00::/64"), 1024};
  const MessageBuilder builder = Encoded(Kind::kAdd, key, Route{std::uint32_t{1}}, 0);
  absl::string_view bytes = builder.bytes();
  EXPECT_EQ(DecodeRoute(*TakeMessage(&bytes), kNames)->first.metric, 0u);
}

TEST(Codec, HostileLengthsEndTheMessage) {
  MessageBuilder builder = Encoded(Kind::kAdd, FdbKey{"heddle.1", kMac}, FdbEntry{}, 4);
  for (std::uint32_t length : {0u, 15u, 1u << 20, 0xffffffffu}) {
    std::memcpy(&builder.bytes()[0], &length, sizeof(length));
    absl::string_view bytes = builder.bytes();
    EXPECT_FALSE(TakeMessage(&bytes));
  }
  const std::string endless("\x00\x00\x01\x00", 4);  // an attribute of no length
  EXPECT_FALSE(Attributes(endless).Has(7));
}

}  // namespace
}  // namespace heddle::node

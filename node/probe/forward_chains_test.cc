#include "node/probe/forward_chains.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "node/probe/host_findings.h"

namespace heddle::node {
namespace {

std::string Chain(const std::string& family, const std::string& table, const std::string& hook,
                  const std::string& policy) {
  return absl::StrCat(R"({"chain": {"family": ")", family, R"(", "table": ")", table,
                      R"(", "name": "FORWARD", "type": "filter", "hook": ")", hook,
                      R"(", "policy": ")", policy, R"("}})");
}

std::string Listing(const std::string& entries) {
  return absl::StrCat(R"({"nftables": [{"metainfo": {}}, )", entries, "]}");
}

std::string Rule(const std::string& statements) {
  return Listing(absl::StrCat(R"({"rule": {"chain": "FORWARD", "expr": [)", statements, "]}}"));
}

TEST(DroppingForwardChains, AreThoseOfOthersThatDropByDefault) {
  const auto count = [](const std::string& chain) {
    const auto chains = DroppingForwardChains(Listing(chain));
    return chains.ok() ? static_cast<int>(chains->size()) : -1;
  };
  EXPECT_EQ(count(Chain("ip", "filter", "forward", "drop")), 1);
  EXPECT_EQ(count(Chain("inet", "fw", "forward", "drop")), 1);
  EXPECT_EQ(count(Chain("ip", "filter", "forward", "accept")), 0);
  EXPECT_EQ(count(Chain("ip", "filter", "input", "drop")), 0);
  EXPECT_EQ(count(Chain("bridge", "filter", "forward", "drop")), 0);
  EXPECT_EQ(count(Chain("ip", "heddle", "forward", "drop")), 0);
}

TEST(DroppingForwardChains, RefuseWhatIsNoListing) {
  for (const char* text : {"", "{", "[]", "{\"nftables\": 3}", "null"}) {
    EXPECT_FALSE(DroppingForwardChains(text).ok()) << text;
    EXPECT_FALSE(AcceptsPods(text, Prefix()).ok()) << text;
  }
  const auto odd = DroppingForwardChains(Listing(R"(3, {"chain": 7}, {"chain": {"hook": []}})"));
  ASSERT_TRUE(odd.ok());
  EXPECT_TRUE(odd->empty());
}

constexpr char kAddress[] =
    R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
        "right": $1}})";

std::string Saddr(const std::string& right) {
  return absl::StrReplaceAll(kAddress, {{"$1", right}});
}

TEST(AcceptsPods, WhereARuleIsAboutThem) {
  const Prefix pods = *Prefix::Parse("10.244.0.0/16");
  const auto accepts = [&](const std::string& statements) {
    const auto result = AcceptsPods(Rule(statements), pods);
    return result.ok() && *result;
  };
  const std::string accept = R"(, {"counter": {"packets": 1}}, {"accept": null})";
  EXPECT_TRUE(accepts(Saddr(R"({"prefix": {"addr": "10.244.0.0", "len": 16}})") + accept));
  EXPECT_TRUE(accepts(Saddr(R"({"prefix": {"addr": "10.0.0.0", "len": 8}})") + accept));
  EXPECT_TRUE(accepts(Saddr(R"("@trusted")") + accept));
  EXPECT_TRUE(accepts(R"({"match": {"left": {"meta": {"key": "iifname"}},
                          "right": "heddle.1"}})" +
                      accept));
  EXPECT_TRUE(accepts(R"({"accept": null})"));
  EXPECT_FALSE(accepts(Saddr(R"({"prefix": {"addr": "192.168.0.0", "len": 16}})") + accept));
  EXPECT_FALSE(accepts(R"({"match": {"left": {"meta": {"key": "iifname"}},
                           "right": "docker0"}})" +
                       accept));
  EXPECT_FALSE(accepts(R"({"xt": {"type": "match", "name": "conntrack"}})" + accept));
  EXPECT_FALSE(
      accepts(Saddr(R"({"prefix": {"addr": "10.244.0.0", "len": 16}})") + R"(, {"drop": null})"));
}

TEST(ReversePathDrops, AreReadFromNetstat) {
  EXPECT_EQ(ReversePathDrops("TcpExt: A IPReversePathFilter B\nTcpExt: 1 42 3\nIpExt: X\nIpExt: 9"),
            42u);
  for (const char* text : {"", "TcpExt: A B\nTcpExt: 1 2", "TcpExt: IPReversePathFilter\nTcpExt:",
                           "TcpExt: IPReversePathFilter\nTcpExt: x"}) {
    EXPECT_FALSE(ReversePathDrops(text)) << text;
  }
}

}  // namespace
}  // namespace heddle::node

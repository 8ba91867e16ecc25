#include "node/dataplane/rules.h"

#include <sched.h>
#include <sys/mount.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/nft_program.h"
#include "node/dataplane/private_network.h"
#include "node/dataplane/rules_text.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;
using testing::Not;
using Kind = Operation::Kind;

Prefix P(const char* text) { return *Prefix::Parse(text); }

class RulesTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    rules_.emplace(*Rules::Open());
  }

  RuleSet Wanted() const {
    return GetParam() == Family::kV4
               ? RuleSet{{P("10.0.0.0/8")}, {P("10.1.2.0/24")}, true, true}
               : RuleSet{{P("fd00:1::/32")}, {P("fd00:1:0:2::/64")}, true, true};
  }
  // Neighbours, hosts and more than fit a line.
  std::vector<Prefix> ManyNetworks() const {
    return GetParam() == Family::kV4
               ? std::vector<Prefix>{P("10.0.0.0/9"), P("10.128.0.0/9"), P("11.0.0.0/24"),
                                     P("172.16.0.1/32"), P("192.168.0.0/16")}
               : std::vector<Prefix>{P("fd00:1::/33"), P("fd00:1:8000::/33"), P("fd01::/48"),
                                     P("fd02::1/128"), P("fd03::/48")};
  }
  std::string table() const { return absl::StrCat("table ", NftFamily(GetParam()), " heddle"); }

  absl::btree_map<Family, RuleSet> Read() {
    const auto table = rules_->Read();
    EXPECT_EQ(table.status(), absl::OkStatus());
    return table.value_or(Rules::Table());
  }
  void Write(const RuleSet& rules) {
    ASSERT_EQ(rules_->Write(Kind::kAdd, GetParam(), rules), absl::OkStatus());
  }
  // As a node that starts anew reads it.
  Rules::Table ReadAnew() { return *Rules::Open()->Read(); }

  std::optional<Rules> rules_;
};

INSTANTIATE_TEST_SUITE_P(Families, RulesTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(FamilyName(info.param)); });

TEST_P(RulesTest, ReadsBackWhatItWroteAlsoAfterARestart) {
  EXPECT_TRUE(Read().empty());
  for (bool many : {false, true}) {
    for (int variant = 0; variant < 4; ++variant) {
      RuleSet wanted = Wanted();
      if (many) wanted.cluster = ManyNetworks();
      wanted.masquerade = variant & 1;
      wanted.forward = variant & 2;
      Write(wanted);
      const Rules::Table expected = {{GetParam(), wanted}};
      EXPECT_TRUE(Read() == expected);
      EXPECT_TRUE(ReadAnew() == expected) << *OutputOf("nft -s list " + table());
    }
  }
}

TEST_P(RulesTest, SeesEveryAlteration) {
  const std::string ip(NftFamily(GetParam()));
  const std::string in = absl::StrCat(ip, " heddle ");
  for (const std::string& alteration : std::vector<std::string>{
           "nft delete " + table(), "nft flush " + table(), "nft flush chain " + in + "postrouting",
           "nft flush chain " + in + "forward", "nft insert rule " + in + "forward counter drop",
           "nft add rule " + in + "forward " + ip + " saddr @cluster accept",
           "nft add chain " + in + "extra", "nft flush set " + in + "cluster",
           "nft flush set " + in + "pods",
           absl::StrCat("nft add element ", in, "cluster { ",
                        GetParam() == Family::kV4 ? "99.0.0.0/8" : "fdff::/48", " }"),
           // The first rule of a chain moved to its end.
           absl::StrCat("h=$(nft -a list chain ", in,
                        "postrouting | sed -n 's/.*mark.*handle //p'); nft delete rule ", in,
                        "postrouting handle $h; nft add rule ", in,
                        "postrouting meta mark and 0x4000 == 0x4000 return"),
           "nft 'add " + table() + " { flags dormant; }'"}) {
    SCOPED_TRACE(alteration);
    Write(Wanted());
    const Rules::Table expected = {{GetParam(), Wanted()}};
    EXPECT_TRUE(Read() == expected);
    ASSERT_EQ(RunShell(alteration), absl::OkStatus());
    EXPECT_FALSE(Read() == expected);
    EXPECT_FALSE(ReadAnew() == expected);
  }
}

TEST_P(RulesTest, TouchesNoOtherTable) {
  const char* others[] = {"ip other", "ip6 other", "inet heddle"};
  for (const char* other : others) {
    ASSERT_EQ(RunShell(absl::StrCat("nft add table ", other)), absl::OkStatus());
  }
  Write(Wanted());
  ASSERT_EQ(rules_->Write(Kind::kRemove, GetParam(), Wanted()), absl::OkStatus());
  ASSERT_EQ(rules_->Write(Kind::kRemove, GetParam(), Wanted()), absl::OkStatus());
  const std::string tables = *OutputOf("nft list tables");
  for (const char* other : others) EXPECT_THAT(tables, HasSubstr(other));
  EXPECT_THAT(tables, Not(HasSubstr(table() + "\n")));
}

TEST_P(RulesTest, KeepsTheMarkThatKubeProxySets) {
  Write(Wanted());
  const std::string listing = *OutputOf("nft list " + table());
  EXPECT_THAT(listing, HasSubstr("mark & 0x00004000 == 0x00004000 return"));
}

TEST_P(RulesTest, OverlappingNetworksAreWrittenAndReadBackAsWanted) {
  RuleSet wanted = Wanted();
  wanted.cluster.push_back(wanted.pods.front());  // inside the other
  Write(wanted);
  EXPECT_TRUE(Read() == (Rules::Table{{GetParam(), wanted}}));
}

TEST_P(RulesTest, AQuietLookRunsNoProgram) {
  Write(Wanted());
  const Rules::Table expected = Read();
  setenv("PATH", "/nonexistent", 1);
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("none", "/usr/sbin", "tmpfs", 0, nullptr), 0);
  EXPECT_TRUE(Read() == expected);
  EXPECT_TRUE(absl::IsNotFound(rules_->Write(Kind::kAdd, GetParam(), Wanted())));
  ASSERT_EQ(umount2("/usr/sbin", MNT_DETACH), 0);
}

TEST(NftProgram, SaysWhatWasWrong) {
  ASSERT_EQ(EnterPrivateNetwork(), absl::OkStatus());
  const absl::Status refused = RunNft("add rule ip nowhere nothing accept\n").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("No such file or directory"));
}

TEST(RulesText, HostileListingsAreNoRules) {
  const RuleSet wanted{{P("10.0.0.0/8")}, {P("10.1.2.0/24")}, true, true};
  const std::string text = RulesText(Family::kV4, wanted);
  EXPECT_TRUE(ParseRules(Family::kV4, text) == wanted);
  for (std::size_t end = 0; end + 2 < text.size(); ++end) {
    EXPECT_FALSE(ParseRules(Family::kV4, text.substr(0, end)) == wanted);
  }
  EXPECT_FALSE(ParseRules(Family::kV6, text) == wanted);
  EXPECT_TRUE(ParseRules(Family::kV4, "set cluster { } } elements = {").cluster.empty());
  EXPECT_TRUE(ParseRules(Family::kV4, absl::StrReplaceAll(text, {{"10.0", "fd00:"}})) == RuleSet());
}

}  // namespace
}  // namespace heddle::node

// Certificates and their authority change under running traffic: no packet and no stream is lost.
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "identity/certificate.h"
#include "tests/lab/built.h"
#include "tests/lab/cluster.h"
#include "tests/lab/command.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);
// Nodes ask for a certificate of another issuer within a minute, so that not all ask at once.
constexpr absl::Duration kRenewed = absl::Seconds(75);

identity::Certificate CertificateIn(const std::string& path) {
  return *identity::ParseCertificate(ReadFile(path).value());
}

// Since when each node is attached: the same as before means the same stream.
std::map<std::string, std::string> Streams(const Heddlectl& ctl) {
  std::map<std::string, std::string> since;
  const nlohmann::json listed = ctl.Json("node list");
  for (const auto& node : listed["nodes"]) {
    since[node.at("nodeId")] = node.at("attachedSince").dump();
  }
  return since;
}

std::set<std::string> Serials(const Heddlectl& ctl, const std::string& principal) {
  std::set<std::string> serials;
  const nlohmann::json listed = ctl.Json("cert list --all");
  for (const auto& entry : listed["certificates"]) {
    if (entry["principal"] == principal) serials.insert(entry["serial"].get<std::string>());
  }
  return serials;
}

TEST(RenewalTest, RenewedManyTimesUnderLoadNoPacketAndNoStreamIsLost) {
  ClusterOptions options;
  options.controller_flags = {"--certificate-ttl", "10s"};
  Cluster cluster(options);
  ASSERT_TRUE(cluster.Up());
  const auto streams = Streams(cluster.ctl());
  PingStream there(cluster.pod(1).netns(), cluster.pod(2).address(Family::kV4));
  PingStream back(cluster.pod(3).netns(), cluster.pod(1).address(Family::kV4));
  absl::SleepFor(absl::Seconds(30));
  EXPECT_TRUE(there.StopWithoutLoss());
  EXPECT_TRUE(back.StopWithoutLoss());
  EXPECT_EQ(Streams(cluster.ctl()), streams) << "a stream was lost";
  for (int number = 1; number <= cluster.size(); ++number) {
    const identity::Certificate now = CertificateIn(cluster.node(number).identity_path());
    EXPECT_GT(now.not_after, absl::Now());
    const auto serials = Serials(cluster.ctl(), absl::StrCat("node/h", number));
    EXPECT_TRUE(serials.count(now.serial)) << "the newest is in the cluster's book";
    EXPECT_FALSE(absl::StrContains(cluster.node(number).process().Log(), "has ended"));
    RecordProperty(absl::StrCat("serials_of_h", number), static_cast<int>(serials.size()));
    EXPECT_GE(serials.size(), 3u) << "the older ones are forgotten in time";
  }
}

class CaTest : public testing::Test {
 protected:
  void Ca(const std::string& step) {
    const CommandResult result = TryRun({{Built("controller/heddle-controller"), "ca", step,
                                          "--tls-dir", cluster_.controller().tls_dir()}});
    ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  }
  // Every node believes so many roots, and its certificate is of `issuer` ("": of whichever).
  testing::AssertionResult Nodes(std::size_t roots, const std::string& issuer) {
    return Within(kRenewed, absl::StrCat(roots, " roots, issuer ", issuer), [&] {
      for (int number = 1; number <= cluster_.size(); ++number) {
        const std::string pem = ReadFile(cluster_.node(number).identity_path()).value();
        if (identity::ParseRoots(pem)->size() != roots) return absl::StrCat("roots of h", number);
        if (!issuer.empty() && identity::ParseCertificate(pem)->issuer != issuer) {
          return absl::StrCat("issuer of h", number);
        }
      }
      return std::string();
    });
  }
  std::string own() { return cluster_.controller().tls_dir() + "/controller.pem"; }

  Cluster cluster_{ClusterOptions()};
};

TEST_F(CaTest, AnotherCaTakesOverUnderLoad) {
  ASSERT_TRUE(cluster_.Up());
  const Heddlectl& ctl = cluster_.ctl();
  const auto streams = Streams(ctl);
  const std::string former = CertificateIn(own()).issuer;
  const std::string kept = cluster_.host(1).folder() + "/kept.pem";
  std::filesystem::copy(cluster_.node(1).identity_path(), kept);
  PingStream there(cluster_.pod(1).netns(), cluster_.pod(2).address(Family::kV4));
  PingStream back(cluster_.pod(3).netns(), cluster_.pod(1).address(Family::kV4));

  Ca("add");
  ASSERT_TRUE(Nodes(2, former));
  Ca("promote");
  std::string issuer;
  ASSERT_TRUE(Within(kSoon, "the controller renews its own certificate", [&] {
    issuer = CertificateIn(own()).issuer;
    return issuer != former;
  }));
  ASSERT_TRUE(Nodes(2, issuer));
  EXPECT_EQ(Streams(ctl), streams) << "a stream was lost";
  const CommandResult renewed = ctl.Try("cert renew");
  ASSERT_EQ(renewed.exit_code, 0) << renewed.err;
  Ca("retire");
  ASSERT_TRUE(Nodes(1, issuer));

  EXPECT_EQ(Streams(ctl), streams) << "a stream was lost";
  EXPECT_TRUE(there.StopWithoutLoss());
  EXPECT_TRUE(back.StopWithoutLoss());
  // A restart of each side, with what it has now, and what it had no longer helps.
  cluster_.controller().process().Stop();
  cluster_.controller().Start();
  cluster_.node(2).process().Stop();
  cluster_.node(2).Start();
  ASSERT_TRUE(Answers(ctl));
  EXPECT_TRUE(Within(kSoon, "all nodes are back",
                     [&] { return ctl.Json("status")["attachedNodes"] == cluster_.size(); }));
  Program stranger;
  stranger.netns = &cluster_.host(1).netns();
  stranger.argv = {Built("tests/netns/stranger"), cluster_.controller().endpoint(), kept, "h1",
                   "10"};
  EXPECT_TRUE(absl::StartsWith(TryRun(stranger).out, "UNAUTHENTICATED: "));
}

// openssl(1) is asked what a host would say whose clock differs.
TEST_F(CaTest, ClocksMayDifferByAnHour) {
  ASSERT_TRUE(cluster_.Up());
  const std::string roots = cluster_.pki()->tls_dir() + "/ca.pem";
  const auto valid_at = [&](const std::string& path, absl::Duration skew) {
    return TryRun({{"openssl", "verify", "-attime",
                    absl::StrCat(absl::ToUnixSeconds(absl::Now() + skew)), "-CAfile", roots, path}})
               .exit_code == 0;
  };
  for (const std::string& path : {own(), cluster_.node(1).identity_path()}) {
    EXPECT_TRUE(valid_at(path, absl::ZeroDuration())) << path;
    EXPECT_TRUE(valid_at(path, -absl::Minutes(59))) << path << ", a clock that is behind";
    EXPECT_TRUE(valid_at(path, absl::Minutes(59))) << path << ", a clock that is ahead";
    EXPECT_FALSE(valid_at(path, -absl::Hours(2))) << path;
  }
}

}  // namespace
}  // namespace heddle::lab

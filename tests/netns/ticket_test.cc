// Tickets that no longer, or never, let a host in; and the same host let in by a good one.
#include "identity/ticket.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "tests/lab/cluster.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);

ClusterOptions OneNodeOfThreeHosts() {
  ClusterOptions options;
  options.nodes = 1;
  return options;
}

// A node that has joined with the cluster's ticket of one use, and a host that comes after it.
class TicketTest : public testing::Test {
 protected:
  TicketTest()
      : cluster_(OneNodeOfThreeHosts()),
        path_(cluster_.host(3).folder() + "/ticket"),
        late_(cluster_.host(3), NodeOptions{"h3", cluster_.controller().endpoint(), {}, path_}) {}

  void SetUp() override { ASSERT_TRUE(cluster_.Up()); }

  std::string Create(const std::string& flags) {
    const CommandResult result = cluster_.ctl().Try("token create " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  void Put(const std::string& ticket) {
    ASSERT_TRUE(WriteFileAtomically(path_, ticket, 0600).ok());
  }
  std::string UsedTicket() { return ReadFile(cluster_.node(1).options().ticket_path).value(); }

  bool LogHas(const std::string& text) { return absl::StrContains(late_.process().Log(), text); }
  // Says so to the node, and why to the audit log.
  void ExpectRefused(const std::string& why) {
    EXPECT_TRUE(Within(kSoon, "the node says that its ticket was refused",
                       [&] { return LogHas("the ticket was refused"); }));
    EXPECT_TRUE(Within(kSoon, absl::StrCat("the audit log says: ", why), [&] {
      return absl::StrContains(cluster_.controller().process().Log(), why);
    }));
    ExpectOutside();
  }
  void ExpectOutside() {
    EXPECT_TRUE(late_.process().running()) << "it waits for a better one";
    EXPECT_FALSE(late_.ready());
    EXPECT_EQ(cluster_.ctl().Json("status")["attachedNodes"], 1);
    EXPECT_EQ(cluster_.ctl().Try("lease show h3").exit_code, 5) << "there is none";
  }
  // The ticket is read again.
  void ExpectLetInBy(const std::string& ticket) {
    Put(ticket);
    EXPECT_TRUE(Within(kSoon, "the node joins", [&] { return late_.ready(); }));
  }

  Cluster cluster_;
  const std::string path_;
  Node late_;
};

TEST_F(TicketTest, AUsedUpOne) {
  Put(UsedTicket());
  late_.Start();
  ExpectRefused("the token is used up");
  ExpectLetInBy(Create("--uses 1"));
}

// Somebody has read the first node's ticket and wants to be that node.
TEST_F(TicketTest, AReplayedOneWithTheSameNodeId) {
  late_.options().id = "h1";
  Put(UsedTicket());
  late_.Start();
  ExpectRefused("the token is used up");
  // Nor does one that is good for another host, while the first is a member.
  Put(Create("--uses 1"));
  EXPECT_TRUE(Within(kSoon, "another key has a certificate of h1",
                     [&] { return LogHas("another key has a certificate"); }));
  ExpectOutside();
  EXPECT_TRUE(cluster_.node(1).process().running());
  // An administrator who says that this host is h1 from now on.
  cluster_.node(1).process().Kill();
  ExpectLetInBy(Create("--node h1"));
}

TEST_F(TicketTest, AnExpiredOne) {
  const std::string ticket = Create("--ttl 1s");
  absl::SleepFor(absl::Milliseconds(1500));
  Put(ticket);
  late_.Start();
  ExpectRefused("the token expired");
  ExpectLetInBy(Create("--ttl 1m"));
}

TEST_F(TicketTest, OneThatWasDeleted) {
  const std::string ticket = Create("--uses 5");
  const auto tokens = cluster_.ctl().Json("token list")["tokens"];
  for (const auto& token : tokens) {
    ASSERT_EQ(cluster_.ctl().Try("token delete " + token["id"].get<std::string>()).exit_code, 0);
  }
  Put(ticket);
  late_.Start();
  ExpectRefused("there is no such token");
}

TEST_F(TicketTest, OneForAnotherNode) {
  Put(Create("--node h2"));
  late_.Start();
  ExpectRefused("the token is for node 'h2' only");
  ExpectLetInBy(Create("--node h3"));
}

TEST_F(TicketTest, OneOfAnotherCluster) {
  Host& control = cluster_.lab().control();
  Pki pki(cluster_.host(2).folder());
  Controller other(control, &pki, R"({"Network": "10.9.0.0/16", "Backend": {"Type": "vxlan"}})", {},
                   1);
  other.Start();
  const Heddlectl ctl(control.netns(), other.endpoint(), pki.admin_identity());
  ASSERT_TRUE(Answers(ctl));
  const std::string foreign = ctl.Try("token create").out;
  Put(foreign);
  late_.Start();  // told to ask this cluster's controller
  EXPECT_TRUE(Within(kSoon, "it does not believe this cluster's controller", [&] {
    return LogHas("is not believed");
  })) << late_.process().Log();
  ExpectOutside();

  // The same with the roots of this cluster written into it.
  auto patched = identity::DecodeTicket(foreign);
  ASSERT_TRUE(patched.ok());
  patched->roots_pem = identity::DecodeTicket(UsedTicket())->roots_pem;
  Put(identity::EncodeTicket(*patched));
  ExpectRefused("there is no such token");
  // And with the id of a token of this cluster, whose secret nobody told.
  const std::string good = Create("--uses 1");
  patched->token_id = identity::DecodeTicket(good)->token_id;
  Put(identity::EncodeTicket(*patched));
  ExpectRefused("the secret is not that token's");
  ExpectLetInBy(good);
}

TEST_F(TicketTest, OneThatIsCut) {
  const std::string ticket = Create("--uses 1");
  Put(ticket.substr(0, ticket.size() / 2));
  late_.Start();
  absl::SleepFor(absl::Seconds(1));
  const std::string log = late_.process().Log();
  EXPECT_TRUE(absl::StrContains(log, path_)) << log;
  EXPECT_FALSE(absl::StrContains(log, ticket.substr(20, 20))) << "a secret in a log: " << log;
  EXPECT_FALSE(late_.ready());
}

}  // namespace
}  // namespace heddle::lab

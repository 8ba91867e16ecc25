// Files that are replaced while a server runs, and what a client that is not ours would try.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "identity/transport_fixture.h"

namespace heddle::identity {
namespace {

TEST_F(TransportTest, TheNextConnectionGetsTheNextCertificateAndAStreamGoesOn) {
  Serve(controller_);
  OpenStream stream(Dial(node_));
  const Credentials renewed = MakeTestCredentials(authority_, "controller/c1");
  const auto served_serial = [this] {
    const std::string printed = Client({});
    return ParseCertificate(printed)->serial;
  };
  EXPECT_EQ(served_serial(), controller_.leaf.serial);
  Replace(renewed);
  EXPECT_EQ(served_serial(), renewed.leaf.serial);
  EXPECT_EQ(served_serial(), renewed.leaf.serial);  // and once it is unchanged
  ExpectTaken(Dial(node_), node_);

  stream.ExpectGoesOn();
}

TEST_F(TransportTest, FilesThatDoNotMatchChangeNothing) {
  Serve(controller_);
  ASSERT_TRUE(
      WriteFileAtomically(path_, absl::StrCat(node_.key_pem, controller_.chain_pem), 0600).ok());
  live_->LookNow();
  ExpectTaken(Dial(node_), node_);
}

TEST_F(TransportTest, TheAuthorityIsReplacedInThreeStepsAndNobodyIsLost) {
  const Authority next = MakeTestAuthority();
  const std::string both = authority_.root().pem + next.root().pem;
  const auto believing = [](Credentials credentials, const std::string& roots) {
    credentials.roots_pem = roots;
    return credentials;
  };
  const Credentials next_controller = MakeTestCredentials(next, "controller/c1");
  const Credentials next_node = MakeTestCredentials(next, "node/h1");
  Serve(controller_);
  OpenStream stream(Dial(node_));
  ExpectTaken(Dial(node_), node_);
  ExpectNotBelieved(Dial(believing(next_node, both)), "of 'node/h1'");

  Replace(believing(controller_, both));  // add
  ExpectTaken(Dial(node_), node_);
  ExpectTaken(Dial(believing(next_node, both)), next_node);

  Replace(believing(next_controller, both));  // promote
  ExpectTaken(Dial(believing(node_, both)), node_);
  ExpectTaken(Dial(next_node), next_node);
  ExpectNoConnection(Dial(node_), kNotBelieved);  // it believes the former root alone

  const Channel former = Dial(believing(node_, both));
  ExpectTaken(former, node_);
  Replace(next_controller);  // retire
  ExpectTaken(Dial(next_node), next_node);
  ExpectNotBelieved(Dial(believing(node_, both)), "of 'node/h1'");
  ExpectNotBelieved(former, "of 'node/h1'");  // nor over a connection of before
  stream.ExpectGoesOn();
}

TEST_F(TransportTest, AServerThatEndedHoldsNoCredentials) {
  Serve(controller_);
  ExpectTaken(Dial(node_), node_);
  const std::weak_ptr<const Credentials> given = live_->Current();
  Replace(MakeTestCredentials(authority_, "controller/c1"));
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
  for (int i = 0; i < 300 && !given.expired(); ++i) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_TRUE(given.expired());
}

// ---- What only a client that is not ours would do ----

TEST_F(TransportTest, Tls11IsRefused) {
  Serve(controller_);
  const std::vector<std::string> lax = {"-cipher", "DEFAULT@SECLEVEL=0"};
  const auto with = [&lax](const char* version) {
    std::vector<std::string> words = lax;
    words.push_back(version);
    return words;
  };
  EXPECT_TRUE(absl::StrContains(Client(with("-tls1_3")), "New, TLSv1.3"));
  EXPECT_TRUE(absl::StrContains(Client(with("-tls1_2")), "New, TLSv1.2"));
  // gRPC hangs up on it without a word.
  const std::string old = Client(with("-tls1_1"));
  EXPECT_TRUE(absl::StrContains(old, "no peer certificate available")) << old;
  EXPECT_FALSE(absl::StrContains(old, "written 0 bytes")) << old;
}

class ResumptionTest : public TransportTest, public testing::WithParamInterface<const char*> {};

// gRPC's own clients do not resume sessions, but its servers give tickets to who asks: such a
// session must not outlive the roots that its client was checked with.
TEST_P(ResumptionTest, ASessionOfBeforeTheRootsChangedIsNotResumed) {
  Serve(controller_);
  const std::string identity = folder_.path() + "/node.pem", session = folder_.path() + "/session";
  ASSERT_TRUE(WriteIdentityFile(identity, node_).ok());
  const auto with = [&](const char* option) {
    return Client({GetParam(), "-cert", identity, "-key", identity, option, session});
  };
  const std::string first = with("-sess_out");
  ASSERT_TRUE(absl::StrContains(first, "\nNew, TLSv1.")) << first;
  const std::string second = with("-sess_in");
  ASSERT_TRUE(absl::StrContains(second, "\nReused, TLSv1.")) << second;

  Replace(MakeTestCredentials(MakeTestAuthority(), "controller/c1"));
  const std::string third = with("-sess_in");
  EXPECT_FALSE(absl::StrContains(third, "Reused, ")) << third;
}

INSTANTIATE_TEST_SUITE_P(Versions, ResumptionTest, testing::Values("-tls1_2", "-tls1_3"));

}  // namespace
}  // namespace heddle::identity

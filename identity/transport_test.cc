// Who gets a connection and who does not, with certificates of every wrong kind.
#include "identity/transport.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "identity/test_x509.h"
#include "identity/transport_fixture.h"

namespace heddle::identity {
namespace {

// ---- Clients ----

TEST_F(TransportTest, TheRightCertificateIsTakenForWhatItSays) {
  Serve(controller_);
  for (const char* who : {"node/h1", "controller/c2", "admin/alice", "viewer/bob"}) {
    const Credentials client = MakeTestCredentials(authority_, who);
    ExpectTaken(Dial(client), client);
  }
}

TEST_F(TransportTest, EachListeningPortServes) {
  Serve(controller_);
  grpc::ChannelArguments arguments;
  SetServerName({}, &arguments);
  ExpectTaken(grpc::CreateCustomChannel(absl::StrCat("[::1]:", port6_), ChannelCredentialsOf(node_),
                                        arguments),
              node_);
}

TEST_F(TransportTest, WithoutACertificateACallArrivesAsNobodys) {
  Serve(controller_);
  const Answer answer = Ask(Dial(ChannelCredentialsOf(authority_.root().pem)));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.status.error_message(), "no certificate was shown");
}

TEST_F(TransportTest, WithoutTlsThereIsNoConnection) {
  Serve(controller_);
  ExpectNoConnection(Dial(grpc::InsecureChannelCredentials()), kHungUp);
}

TEST_F(TransportTest, AnotherAuthoritysClientIsNotBelieved) {
  Serve(controller_);
  Credentials client = MakeTestCredentials(MakeTestAuthority(), "admin/alice");
  client.roots_pem = authority_.root().pem;  // it believes the server, not the other way round
  ExpectRefused(client, absl::StrCat("of 'admin/alice' (serial ", client.leaf.serial,
                                     "), is not believed here"));
}

TEST_F(TransportTest, ARootOfTheSameNameIsAnotherAuthority) {
  // The issuer's name and the serial can be forged; the signature cannot.
  Serve(controller_);
  TestX509 forged;
  forged.names = {{true, "heddle://admin/alice"}};
  forged.root_pem = authority_.root().pem;
  forged.root_key = MakeEcKey("P-256");
  const TestPair pair = Make(forged);
  const auto client = MakeCredentials(pair.key_pem, pair.certificate_pem, authority_.root().pem);
  ASSERT_TRUE(client.ok()) << client.status();
  ExpectRefused(*client, "signature failure");
}

// Who it was, so that the refusal can say it: the verifier leaves it to CheckValidity.
TEST_F(TransportTest, AnExpiredClientIsNamedAndSoIsOneOfTheFuture) {
  Serve(controller_);
  const TestTerm later = {absl::Now() + absl::Hours(1), absl::Now() + absl::Hours(2)};
  for (const TestTerm& term : {expired_, later}) {
    const Credentials client = MakeTestCredentials(authority_, "node/h1", term);
    ExpectTaken(Dial(client), client);
    EXPECT_FALSE(CheckValidity(client.leaf, absl::Now()).ok());
    // That it is not of now makes it no more believed.
    Credentials foreign = MakeTestCredentials(MakeTestAuthority(), "node/h1", term);
    foreign.roots_pem = authority_.root().pem;
    ExpectRefused(foreign, "is not believed here");
  }
}

TEST_F(TransportTest, ACertificateOfAServerAloneIsNoClients) {
  Serve(controller_);
  TestX509 wanted;
  wanted.names = {{true, "heddle://admin/alice"}};
  wanted.extended_key_usage = "serverAuth";
  wanted.root_pem = authority_.root().pem;
  wanted.root_key = authority_.key_pem();
  const TestPair pair = Make(wanted);
  const auto client = MakeCredentials(pair.key_pem, pair.certificate_pem, authority_.root().pem);
  ASSERT_TRUE(client.ok()) << client.status();
  ExpectRefused(*client, "unsuitable certificate purpose");
}

TEST_F(TransportTest, ASignedCertificateThatNamesNobodyIsRefusedByName) {
  Serve(controller_);
  TestX509 wanted;
  wanted.root_pem = authority_.root().pem;
  wanted.root_key = authority_.key_pem();
  const TestPair pair = Make(wanted);
  Credentials client = node_;
  client.key_pem = pair.key_pem;
  client.chain_pem = pair.certificate_pem;
  const Answer answer = Ask(Dial(client));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(absl::StrContains(answer.status.error_message(), "says not whose it is"));
}

// ---- Servers ----

TEST_F(TransportTest, AnExpiredServerIsNotBelieved) {
  Serve(MakeTestCredentials(authority_, "controller/c1", expired_));
  ExpectNoConnection(Dial(node_), kNotBelieved);
}

TEST_F(TransportTest, AnotherAuthoritysServerIsNotBelieved) {
  Serve(MakeTestCredentials(MakeTestAuthority(), "controller/c1"));
  ExpectNoConnection(Dial(ChannelCredentialsOf(authority_.root().pem)), kNotBelieved);
}

TEST_F(TransportTest, ANodesCertificateDoesNotServe) {
  Serve(node_);
  ExpectNoConnection(Dial(node_), kNotBelieved);
  // Nor does it for who asks for no name but the host's.
  ExpectNoConnection(Dial(ChannelCredentialsOf(node_), {""}), kNotBelieved);
}

TEST_F(TransportTest, AServerWithoutTheNameIsNotBelieved) {
  TestX509 wanted;
  wanted.names = {{true, "heddle://controller/c1"}, {false, "heddle-controller.example"}};
  wanted.root_pem = authority_.root().pem;
  wanted.root_key = authority_.key_pem();
  const TestPair pair = Make(wanted);
  const auto server = MakeCredentials(pair.key_pem, pair.certificate_pem, authority_.root().pem);
  ASSERT_TRUE(server.ok()) << server.status();
  Serve(*server);
  ExpectNoConnection(Dial(node_), kNoController);
  ExpectTaken(Dial(ChannelCredentialsOf(node_), {"heddle-controller.example"}), node_);
}

TEST_F(TransportTest, WithTheNameTurnedOffTheDialledHostIsChecked) {
  Serve(controller_);
  // 127.0.0.1 is not in it.
  ExpectNoConnection(Dial(ChannelCredentialsOf(node_), {""}), kNoController);
}

TEST_F(TransportTest, AServerWithoutTlsIsToldApart) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  identities_.Believe(nullptr);
  builder.RegisterService(&identities_);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
  port_ = port;
  ExpectNoConnection(Dial(node_), "wrong version number");
  const Answer answer = Ask(Dial(grpc::InsecureChannelCredentials()));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.status.error_message(), "the connection is not of TLS");
}

}  // namespace
}  // namespace heddle::identity

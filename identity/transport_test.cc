// Real servers and clients of gRPC, and the openssl program as one that is not ours.
#include "identity/transport.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "base/file.h"
#include "base/program.h"
#include "identity/test_credentials.h"
#include "identity/test_x509.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::identity {
namespace {

// Tells each caller whom it takes it for.
class Identities final : public v1::IdentityService::Service {
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest*,
                     v1::IssuedCertificate* answer) override {
    const auto peer = PeerCertificate(*context->auth_context());
    if (!peer.ok()) {
      return {static_cast<grpc::StatusCode>(peer.status().code()),
              std::string(peer.status().message())};
    }
    answer->set_chain_pem(absl::StrCat(ToString(peer->principal), " ", peer->serial));
    return grpc::Status::OK;
  }
};

// Answers each message with an empty one.
class Echo final : public v1::NodeService::Service {
  grpc::Status Attach(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ControllerMessage, v1::NodeMessage>* stream) override {
    v1::NodeMessage message;
    while (stream->Read(&message) && stream->Write(v1::ControllerMessage())) continue;
    return grpc::Status::OK;
  }
};

struct Answer {
  grpc::Status status;
  std::string whom;
};

using Channel = std::shared_ptr<grpc::Channel>;

Answer Ask(const Channel& channel) {
  Answer answer;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  v1::IssuedCertificate issued;
  answer.status = v1::IdentityService::NewStub(channel)->Renew(&context, {}, &issued);
  answer.whom = issued.chain_pem();
  return answer;
}

void ExpectTaken(const Channel& channel, const Credentials& client) {
  const Answer answer = Ask(channel);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.whom, absl::StrCat(ToString(client.leaf.principal), " ", client.leaf.serial));
}

// A refusal in the handshake: no call gets through.
void ExpectNoConnection(const Channel& channel) {
  const Answer answer = Ask(channel);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE)
      << answer.status.error_message();
}

class TransportTest : public testing::Test {
 protected:
  ~TransportTest() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  void Serve(const Credentials& credentials) {
    ASSERT_TRUE(WriteIdentityFile(path_, credentials).ok());
    auto live = LiveCredentials::Open(IdentityFile(path_));
    ASSERT_TRUE(live.ok()) << live.status();
    live_ = *std::move(live);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", ServerCredentialsOf(live_.get()), &port_);
    builder.AddListeningPort("[::1]:0", ServerCredentialsOf(live_.get()), &port6_);
    builder.RegisterService(&identities_);
    builder.RegisterService(&echo_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  // What a renewal or an administrator does while the server runs.
  void Replace(const Credentials& credentials) {
    ASSERT_TRUE(WriteIdentityFile(path_, credentials).ok());
    live_->LookNow();
  }

  // A connection of its own each time.
  Channel Dial(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
               const ChannelTerms& terms = {}) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    SetServerName(terms, &arguments);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_), credentials, arguments);
  }
  Channel Dial(const Credentials& credentials) { return Dial(ChannelCredentialsOf(credentials)); }

  // `openssl s_client`, with `words` added; what it prints. It says what is no HTTP/2 and listens
  // until the server hangs up, so that it gets all that a server says after a handshake.
  std::string Client(std::vector<std::string> words) {
    ProgramOptions options;
    options.words = {"openssl", "s_client", "-connect", absl::StrCat("127.0.0.1:", port_),
                     "-alpn",   "h2",       "-CAfile",  path_,
                     "-ign_eof"};
    options.input = "This is not what a client of HTTP/2 says first.\n";
    options.words.insert(options.words.end(), words.begin(), words.end());
    const auto end = RunProgram(options);
    EXPECT_TRUE(end.ok()) << end.status();
    return end.ok() ? absl::StrCat(end->output, end->errors) : "";
  }

  storage::ScratchFolder folder_;
  const std::string path_ = folder_.path() + "/controller.pem";
  const Authority authority_ = MakeTestAuthority();
  const Credentials controller_ = MakeTestCredentials(authority_, "controller/c1");
  const Credentials node_ = MakeTestCredentials(authority_, "node/h1");
  const TestTerm expired_ = {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)};
  std::unique_ptr<LiveCredentials> live_;
  Identities identities_;
  Echo echo_;
  int port_ = 0, port6_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

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
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(answer.status.error_message(), "no certificate was shown");
}

TEST_F(TransportTest, WithoutTlsThereIsNoConnection) {
  Serve(controller_);
  ExpectNoConnection(Dial(grpc::InsecureChannelCredentials()));
}

TEST_F(TransportTest, AnotherAuthoritysClientGetsNoConnection) {
  Serve(controller_);
  Credentials client = MakeTestCredentials(MakeTestAuthority(), "admin/alice");
  client.roots_pem = authority_.root().pem;  // it believes the server, not the other way round
  ExpectNoConnection(Dial(client));
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
  ExpectNoConnection(Dial(*client));
}

TEST_F(TransportTest, AnExpiredClientGetsNoConnection) {
  Serve(controller_);
  ExpectNoConnection(Dial(MakeTestCredentials(authority_, "node/h1", expired_)));
}

TEST_F(TransportTest, AClientOfTheFutureGetsNoConnection) {
  Serve(controller_);
  const TestTerm later = {absl::Now() + absl::Hours(1), absl::Now() + absl::Hours(2)};
  ExpectNoConnection(Dial(MakeTestCredentials(authority_, "node/h1", later)));
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
  ExpectNoConnection(Dial(*client));
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
  ExpectNoConnection(Dial(node_));
}

TEST_F(TransportTest, AnotherAuthoritysServerIsNotBelieved) {
  Serve(MakeTestCredentials(MakeTestAuthority(), "controller/c1"));
  ExpectNoConnection(Dial(ChannelCredentialsOf(authority_.root().pem)));
}

TEST_F(TransportTest, ANodesCertificateDoesNotServe) {
  Serve(node_);
  ExpectNoConnection(Dial(node_));
  // Nor does it for who asks for no name but the host's.
  ExpectNoConnection(Dial(ChannelCredentialsOf(node_), {""}));
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
  ExpectNoConnection(Dial(node_));
  ExpectTaken(Dial(ChannelCredentialsOf(node_), {"heddle-controller.example"}), node_);
}

TEST_F(TransportTest, WithTheNameTurnedOffTheDialledHostIsChecked) {
  Serve(controller_);
  ExpectNoConnection(Dial(ChannelCredentialsOf(node_), {""}));  // 127.0.0.1 is not in it
}

// ---- Files replaced while the server runs ----

TEST_F(TransportTest, TheNextConnectionGetsTheNextCertificateAndAStreamGoesOn) {
  Serve(controller_);
  const Channel channel = Dial(node_);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(60)));
  const auto node = v1::NodeService::NewStub(channel);
  const auto stream = node->Attach(&context);
  v1::ControllerMessage answer;
  ASSERT_TRUE(stream->Write({}) && stream->Read(&answer));

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

  for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream->Write({}) && stream->Read(&answer)) << i;
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
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
  ExpectTaken(Dial(node_), node_);
  ExpectNoConnection(Dial(believing(next_node, both)));

  Replace(believing(controller_, both));  // add
  ExpectTaken(Dial(node_), node_);
  ExpectTaken(Dial(believing(next_node, both)), next_node);

  Replace(believing(next_controller, both));  // promote
  ExpectTaken(Dial(believing(node_, both)), node_);
  ExpectTaken(Dial(next_node), next_node);
  ExpectNoConnection(Dial(node_));  // believes the former root alone

  Replace(next_controller);  // retire
  ExpectTaken(Dial(next_node), next_node);
  ExpectNoConnection(Dial(believing(node_, both)));
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

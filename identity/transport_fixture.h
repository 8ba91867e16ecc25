// Real servers and clients of gRPC with real certificates, and the openssl program as a client that
// is not ours.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "base/program.h"
#include "identity/peer_verifier.h"
#include "identity/test_credentials.h"
#include "identity/transport.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::identity {

// Tells each caller whom it takes it for.
class Identities final : public v1::IdentityService::Service {
 public:
  void Believe(const LiveCredentials* live) { verifier_ = std::make_unique<PeerVerifier>(live); }

 private:
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest*,
                     v1::IssuedCertificate* answer) override {
    const auto peer = verifier_->Verify(*context->auth_context(), absl::Now());
    if (!peer.ok()) {
      return {static_cast<grpc::StatusCode>(peer.status().code()),
              std::string(peer.status().message())};
    }
    answer->set_chain_pem(absl::StrCat(ToString(peer->principal), " ", peer->serial));
    return grpc::Status::OK;
  }

  std::unique_ptr<PeerVerifier> verifier_;
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

inline Answer Ask(const Channel& channel) {
  Answer answer;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  v1::IssuedCertificate issued;
  answer.status = v1::IdentityService::NewStub(channel)->Renew(&context, {}, &issued);
  answer.whom = issued.chain_pem();
  return answer;
}

inline void ExpectTaken(const Channel& channel, const Credentials& client) {
  const Answer answer = Ask(channel);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.whom, absl::StrCat(ToString(client.leaf.principal), " ", client.leaf.serial));
}

// One that was there before.
class OpenStream {
 public:
  explicit OpenStream(const Channel& channel) : stub_(v1::NodeService::NewStub(channel)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(60)));
    stream_ = stub_->Attach(&context_);
    ExpectGoesOn();
  }
  ~OpenStream() {
    stream_->WritesDone();
    EXPECT_TRUE(stream_->Finish().ok());
  }
  void ExpectGoesOn() {
    v1::ControllerMessage answer;
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(stream_->Write(v1::NodeMessage()) && stream_->Read(&answer)) << i;
    }
  }

 private:
  const std::unique_ptr<v1::NodeService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>> stream_;
};

// What gRPC says to a client that does not believe a server, or speaks no TLS to one that does.
inline constexpr char kNotBelieved[] = "certificate verify failed";
inline constexpr char kNoController[] = "is not in peer certificate";
inline constexpr char kHungUp[] = "Socket closed";

// The handshake fails: no call gets through.
inline void ExpectNoConnection(const Channel& channel, absl::string_view why) {
  const grpc::Status status = Ask(channel).status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_TRUE(
      absl::StrContains(absl::AsciiStrToLower(status.error_message()), absl::AsciiStrToLower(why)))
      << status.error_message();
}

// The server takes the client for nobody, and tells it why.
inline void ExpectNotBelieved(const Channel& channel, absl::string_view why) {
  const grpc::Status status = Ask(channel).status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << status.error_message();
  EXPECT_TRUE(absl::StrContains(status.error_message(), why)) << status.error_message();
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
    identities_.Believe(live_.get());
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

  // While another client is still served.
  void ExpectRefused(const Credentials& client, absl::string_view why) {
    ExpectNotBelieved(Dial(client), why);
    ExpectTaken(Dial(node_), node_);
  }

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

}  // namespace heddle::identity

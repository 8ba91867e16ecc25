// One controller's issuing side on loopback, with real TLS, for tests.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "controller/identity_service.h"
#include "controller/issuing_calls.h"
#include "gtest/gtest.h"
#include "identity/private_key.h"
#include "identity/test_credentials.h"
#include "identity/transport.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {

// Stands, so that it does not matter how long a test takes, and is ahead by as much as it says.
class StandingClock final : public Clock {
 public:
  absl::Time Now() const override { return start_ + absl::Seconds(ahead_seconds.load()); }
  std::atomic<int> ahead_seconds{0};

 private:
  const absl::Time start_ = absl::Now();
};

class IssuingTest : public ::testing::Test {
 protected:
  struct Joined {
    grpc::Status status;
    v1::IssuedCertificate certificate;
    std::string key_pem;

    identity::Credentials Credentials() const {
      return *identity::MakeCredentials(key_pem, certificate.chain_pem(), certificate.roots_pem());
    }
  };

  void SetUp() override {
    identity::Credentials own = identity::MakeTestCredentials(*authority_, "controller/c1");
    const std::string path = absl::StrCat(folder_, "/identity.pem");
    ASSERT_TRUE(identity::WriteIdentityFile(path, own).ok());
    credentials_ = *identity::LiveCredentials::Open(identity::IdentityFile(path));
    verifier_ = std::make_unique<identity::PeerVerifier>(credentials_.get());
    audit_ = *Audit::Open(absl::StrCat(folder_, "/audit.log"), &clock_);
    access_ =
        std::make_unique<Access>(Access::Wiring{false, &clock_, audit_.get(), verifier_.get()});
    Writer::Wiring wiring;
    wiring.store = &store_;
    wiring.clock = &clock_;
    wiring.hub = &hub_;
    wiring.leadership = &leadership_;
    wiring.revoked = [this](const std::vector<std::string>& serials) {
      access_->OnRevoked(serials);
    };
    writer_ = std::make_unique<WriterThread>(Writer::Options{}, wiring, nullptr);
    proxy_ = std::make_unique<LeaderProxy>(
        LeaderProxy::Wiring{&store_, &leadership_, writer_.get(), &channels_, &pump_, &clock_});
    issuing_ = std::make_unique<IssuingCalls>(IssuingWiring());
    service_ = std::make_unique<IdentityService>(
        IdentityService::Wiring{access_.get(), proxy_.get(), issuing_.get(), &clock_});
    ASSERT_TRUE(writer_->Start().ok());
    pump_.Start();
    grpc::ServerBuilder builder;
    builder.RegisterService(service_->service());
    builder.AddListeningPort("127.0.0.1:0", identity::ServerCredentialsOf(credentials_.get()),
                             &port_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void TearDown() override {
    server_->Shutdown();
    pump_.Stop();
    writer_->Stop();
  }

  IssuingCalls::Wiring IssuingWiring() {
    IssuingCalls::Wiring wiring;
    wiring.writer = writer_.get();
    wiring.registry = &registry_;
    wiring.clock = &clock_;
    wiring.controller_id = "c1";
    wiring.authority = [this] { return has_ca_key_ ? authority_ : nullptr; };
    wiring.roots_pem = [this] { return credentials_->Current()->roots_pem; };
    wiring.addresses = [] { return std::vector<std::string>{"192.0.2.1:7411"}; };
    wiring.node_ttl = absl::Hours(1);
    return wiring;
  }

  // A connection of its own; null: without a certificate.
  std::unique_ptr<v1::IdentityService::Stub> Dial(const identity::Credentials* credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    identity::SetServerName({}, &arguments);
    return v1::IdentityService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", port_),
        credentials == nullptr ? identity::ChannelCredentialsOf(authority_->root().pem)
                               : identity::ChannelCredentialsOf(*credentials),
        arguments));
  }
  static void SetDeadline(grpc::ClientContext* context) {
    context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
  }
  static std::string RequestFor(const identity::PrivateKey& key, const std::string& node_id) {
    return *identity::MakeCertificateRequest(key, {identity::Role::kNode, node_id});
  }

  // As a host without a certificate does.
  Joined Join(const v1::Ticket& ticket, const std::string& node_id,
              const std::string& key_pem = "") {
    const identity::PrivateKey key =
        key_pem.empty() ? *identity::PrivateKey::Generate() : *identity::PrivateKey::Parse(key_pem);
    v1::JoinRequest request;
    request.set_token_id(ticket.token_id());
    request.set_secret(ticket.secret());
    request.set_node_id(node_id);
    request.set_certificate_request_pem(RequestFor(key, node_id));
    Joined joined;
    joined.key_pem = key.ToPem();
    grpc::ClientContext context;
    SetDeadline(&context);
    joined.status = Dial(nullptr)->Join(&context, request, &joined.certificate);
    return joined;
  }
  Joined Renew(const identity::Credentials& present) {
    const identity::PrivateKey key = *identity::PrivateKey::Generate();
    v1::RenewRequest request;
    // What the request says of the name is not what counts.
    request.set_certificate_request_pem(RequestFor(key, "somebody-else"));
    Joined renewed;
    renewed.key_pem = key.ToPem();
    grpc::ClientContext context;
    SetDeadline(&context);
    renewed.status = Dial(&present)->Renew(&context, request, &renewed.certificate);
    return renewed;
  }

  // A call of an administrator's, as the AdminService makes it once that one is admitted.
  template <typename Method, typename... Messages>
  absl::Status Ask(const IssuingCalls& issuing, Method method, Messages... messages) {
    auto answer = std::make_shared<std::promise<absl::Status>>();
    auto answered = answer->get_future();
    AdmittedCall call;
    call.caller.principal = {identity::Role::kAdmin, "alice"};
    call.caller.secure = true;
    call.audit = std::make_shared<AuditEntry>();
    call.reply = [answer](const absl::Status& status) { answer->set_value(status); };
    (issuing.*method)(call, messages...);
    return answered.get();
  }
  v1::Ticket MakeTicket(std::uint32_t uses = 1, const std::string& node_id = "") {
    v1::CreateTokenRequest request;
    request.set_uses(uses);
    request.set_node_id(node_id);
    v1::CreateTokenResponse response;
    const absl::Status status = Ask(*issuing_, &IssuingCalls::CreateToken, &request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response.ticket();
  }
  std::vector<v1::CertificateEntry> Certificates(bool include_superseded = true) {
    v1::ListCertificatesRequest request;
    request.set_include_superseded(include_superseded);
    v1::ListCertificatesResponse response;
    EXPECT_TRUE(Ask(*issuing_, &IssuingCalls::ListCertificates, &request, &response).ok());
    return {response.certificates().begin(), response.certificates().end()};
  }
  absl::Status Revoke(const std::string& serial, const std::string& principal,
                      v1::RevokeCertificateResponse* response, bool release_lease = false) {
    v1::RevokeCertificateRequest request;
    request.set_serial(serial);
    request.set_principal(principal);
    request.set_release_lease(release_lease);
    return Ask(*issuing_, &IssuingCalls::RevokeCertificate, &request, response);
  }
  std::string AuditLog() {
    std::ifstream file(absl::StrCat(folder_, "/audit.log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string folder_ = absl::StrCat(
      testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  const std::shared_ptr<const identity::Authority> authority_ =
      std::make_shared<const identity::Authority>(identity::MakeTestAuthority());
  std::atomic<bool> has_ca_key_{true};
  StandingClock clock_;
  storage::MemoryStore store_;
  std::unique_ptr<identity::LiveCredentials> credentials_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<identity::PeerVerifier> verifier_;
  std::unique_ptr<Access> access_;
  WatchHub hub_;
  NodeRegistry registry_{absl::Seconds(15)};
  Pump pump_{&clock_};
  Leadership leadership_{"controller"};
  PeerChannels channels_{nullptr, ""};  // to nobody
  std::unique_ptr<WriterThread> writer_;
  std::unique_ptr<LeaderProxy> proxy_;
  std::unique_ptr<IssuingCalls> issuing_;
  std::unique_ptr<IdentityService> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace heddle::controller

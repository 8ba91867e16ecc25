// Tickets and certificates asked of any of several controllers, each with its own certificate.
#include "absl/strings/match.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "controller/secure_fixture.h"
#include "identity/private_key.h"

namespace heddle::controller {
namespace {

using grpc::StatusCode;
using identity::PrivateKey;

class IssuingReplicasTest : public SecureTest {
 protected:
  using IdentityStub = v1::IdentityService::Stub;

  template <typename Request, typename Response>
  static grpc::Status Ask(const std::shared_ptr<grpc::Channel>& channel,
                          grpc::Status (IdentityStub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                          const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    return ((*v1::IdentityService::NewStub(channel)).*method)(&context, request, response);
  }
  template <typename Request, typename Response>
  static grpc::Status AskAdmin(const std::shared_ptr<grpc::Channel>& channel,
                               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Response*),
                               const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    return ((*v1::AdminService::NewStub(channel)).*method)(&context, request, response);
  }

  static std::string RequestOf(const PrivateKey& key) {
    return *identity::MakeCertificateRequest(key, {identity::Role::kNode, "h1"});
  }
  grpc::Status Join(const std::shared_ptr<grpc::Channel>& channel, const v1::Ticket& ticket,
                    const PrivateKey& key, v1::IssuedCertificate* certificate) {
    v1::JoinRequest request;
    request.set_token_id(ticket.token_id());
    request.set_secret(ticket.secret());
    request.set_node_id("h1");
    request.set_certificate_request_pem(RequestOf(key));
    return Ask(channel, &IdentityStub::Join, request, certificate);
  }
  grpc::Status Renew(std::size_t at, const Credentials& present, const PrivateKey& key,
                     v1::IssuedCertificate* certificate) {
    v1::RenewRequest request;
    request.set_certificate_request_pem(RequestOf(key));
    return Ask(Dial(at, &present), &IdentityStub::Renew, request, certificate);
  }
};

TEST_F(IssuingReplicasTest, AFollowerPassesAllOfItOnToTheLeader) {
  Start(2);
  const auto alice = Dial(1, "admin/alice");
  v1::CreateTokenResponse created;
  grpc::Status status = AskAdmin(alice, &Stub::CreateToken, v1::CreateTokenRequest(), &created);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::Ticket& ticket = created.ticket();
  ASSERT_EQ(ticket.controllers_size(), 2);
  EXPECT_EQ(ticket.controllers(1), replicas_[1]->address);

  const PrivateKey key = *PrivateKey::Generate(), next = *PrivateKey::Generate();
  v1::IssuedCertificate certificate;
  const auto stranger = Dial(1, nullptr);
  status = Join(stranger, ticket, key, &certificate);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const Credentials first =
      *identity::MakeCredentials(key.ToPem(), certificate.chain_pem(), certificate.roots_pem());
  status = Renew(1, first, next, &certificate);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const Credentials second =
      *identity::MakeCredentials(next.ToPem(), certificate.chain_pem(), certificate.roots_pem());
  EXPECT_EQ(identity::ToString(second.leaf.principal), "node/h1");
  EXPECT_EQ(Join(stranger, ticket, next, &certificate).error_code(), StatusCode::PERMISSION_DENIED);

  v1::RevokeCertificateRequest revoke;
  revoke.set_principal("node/h1");
  v1::RevokeCertificateResponse revoked;
  ASSERT_TRUE(AskAdmin(alice, &Stub::RevokeCertificate, revoke, &revoked).ok());
  EXPECT_EQ(revoked.revoked_size(), 2);
  const absl::Time since = absl::Now();
  for (std::size_t at : {0, 1}) {
    EXPECT_TRUE(Until([&] {
      return Renew(at, second, next, &certificate).error_code() == StatusCode::UNAUTHENTICATED;
    })) << at;
  }
  EXPECT_LT(absl::Now() - since, absl::Seconds(5));

  const std::vector<std::string> lines = AuditLines(0);
  ASSERT_GE(lines.size(), 5u);
  EXPECT_EQ(lines[0], absl::StrCat("admin/alice CreateToken token ", ticket.token_id(), " OK"));
  EXPECT_EQ(lines[1], " Join h1 OK");
  EXPECT_TRUE(absl::StartsWith(lines[2], "node/h1 Renew ")) << lines[2];
  EXPECT_EQ(lines[3], " Join h1 PERMISSION_DENIED");
  EXPECT_EQ(lines[4], "admin/alice RevokeCertificate node/h1 OK");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Text(AuditEntries(0)[i], "through"), "controller/c-1");
  EXPECT_EQ(Text(AuditEntries(0)[2], "serial"), first.leaf.serial);
}

TEST_F(IssuingReplicasTest, AViewerSeesAndMakesNothing) {
  Start(1);
  const auto bob = Dial(0, "viewer/bob"), node = Dial(0, "node/h1");
  v1::ListCertificatesResponse certificates;
  v1::ListTokensResponse tokens;
  v1::CreateTokenResponse created;
  v1::RevokeCertificateResponse revoked;
  v1::IssuedCertificate issued;
  EXPECT_TRUE(AskAdmin(bob, &Stub::ListCertificates, {}, &certificates).ok());
  EXPECT_TRUE(AskAdmin(bob, &Stub::ListTokens, {}, &tokens).ok());
  for (const auto& channel : {bob, node}) {
    EXPECT_EQ(AskAdmin(channel, &Stub::CreateToken, {}, &created).error_code(),
              StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(AskAdmin(channel, &Stub::RevokeCertificate, {}, &revoked).error_code(),
              StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(AskAdmin(channel, &Stub::IssueCertificate, {}, &issued).error_code(),
              StatusCode::PERMISSION_DENIED);
  }
  EXPECT_EQ(AskAdmin(node, &Stub::ListTokens, {}, &tokens).error_code(),
            StatusCode::PERMISSION_DENIED);
}

TEST_F(IssuingReplicasTest, AFollowerSlowsDownWhoTriesTicketsAndOthersGoOn) {
  Start(2);
  const PrivateKey key = *PrivateKey::Generate();
  v1::Ticket guess;
  guess.set_token_id("00000000000000ff");
  v1::IssuedCertificate certificate;
  const Credentials known = Issue("node/h1");
  const auto stranger = Dial(1, nullptr);
  int slowed = 0;
  for (int i = 0; i < 200 && slowed == 0; ++i) {
    slowed +=
        Join(stranger, guess, key, &certificate).error_code() == StatusCode::RESOURCE_EXHAUSTED;
  }
  EXPECT_EQ(slowed, 1);
  const grpc::Status renewed = Renew(1, known, key, &certificate);
  EXPECT_TRUE(renewed.ok()) << renewed.error_message();
}

}  // namespace
}  // namespace heddle::controller

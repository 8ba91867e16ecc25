// Joining, renewal and revocation over TLS, by programs with certificates of all kinds and none.
#include <set>

#include "absl/strings/match.h"
#include "controller/issuing_fixture.h"
#include "controller/test_peers.h"

namespace heddle::controller {
namespace {

using grpc::StatusCode;

TEST_F(IssuingTest, ATicketMakesANodeThatRenewsByItself) {
  const v1::Ticket ticket = MakeTicket();
  EXPECT_EQ(ticket.controllers(0), "192.0.2.1:7411");
  EXPECT_EQ(ticket.roots_pem(), authority_->root().pem);
  const Joined joined = Join(ticket, "h1");
  ASSERT_TRUE(joined.status.ok()) << joined.status.error_message();
  const identity::Credentials first = joined.Credentials();
  EXPECT_EQ(identity::ToString(first.leaf.principal), "node/h1");
  EXPECT_GT(joined.certificate.revision(), 0u);

  const Joined renewed = Renew(first);
  ASSERT_TRUE(renewed.status.ok()) << renewed.status.error_message();
  const identity::Credentials second = renewed.Credentials();
  EXPECT_EQ(second.leaf.principal, first.leaf.principal) << "whatever the request says";
  EXPECT_NE(second.leaf.serial, first.leaf.serial);
  EXPECT_NE(second.leaf.key_digest, first.leaf.key_digest);

  const auto entries = Certificates();
  ASSERT_EQ(entries.size(), 2u);
  for (const v1::CertificateEntry& entry : entries) {
    const bool newest = entry.serial() == second.leaf.serial;
    const identity::Certificate& leaf = newest ? second.leaf : first.leaf;
    EXPECT_EQ(entry.serial(), leaf.serial);
    EXPECT_EQ(entry.principal(), "node/h1");
    EXPECT_EQ(entry.not_after_unix_ms(), absl::ToUnixMillis(leaf.not_after));
    EXPECT_EQ(entry.issued_to(), newest ? "renewal" : "ticket " + ticket.token_id());
    EXPECT_EQ(entry.issuer(), leaf.issuer);
  }
  EXPECT_EQ(Certificates(/*include_superseded=*/false).size(), 1u);
}

TEST_F(IssuingTest, ATicketThatWasUsedIsGoodForNobodyElse) {
  const v1::Ticket ticket = MakeTicket();
  const Joined joined = Join(ticket, "h1");
  ASSERT_TRUE(joined.status.ok());
  EXPECT_EQ(Join(ticket, "h1").status.error_code(), StatusCode::PERMISSION_DENIED) << "replayed";
  EXPECT_EQ(Join(ticket, "h2").status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Join(ticket, "h2", joined.key_pem).status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(absl::StrContains(AuditLog(), "the token is used up"));
  EXPECT_TRUE(Join(ticket, "h1", joined.key_pem).status.ok()) << "as when the answer was lost";
}

TEST_F(IssuingTest, EveryRefusalSaysTheSameToWhoIsRefused) {
  const v1::Ticket ticket = MakeTicket(9), bound = MakeTicket(1, "h9"), deleted = MakeTicket();
  v1::Ticket wrong_secret = ticket;
  wrong_secret.set_secret(std::string(32, 'x'));
  v1::Ticket no_secret = ticket;
  no_secret.clear_secret();
  v1::Ticket unknown = ticket;
  unknown.set_token_id("00000000000000ff");
  v1::Ticket no_id = ticket;
  no_id.set_token_id(std::string(1000, '/'));
  v1::DeleteTokenRequest request;
  request.set_id(deleted.token_id());
  v1::DeleteTokenResponse gone;
  ASSERT_TRUE(Ask(*issuing_, &IssuingCalls::DeleteToken, &request, &gone).ok());
  std::set<std::string> messages;
  for (const v1::Ticket& bad : {wrong_secret, no_secret, unknown, no_id, bound, deleted}) {
    const Joined refused = Join(bad, "h1");
    EXPECT_EQ(refused.status.error_code(), StatusCode::PERMISSION_DENIED);
    messages.insert(refused.status.error_message());
  }
  clock_.ahead_seconds = 3601;
  messages.insert(Join(ticket, "h1").status.error_message());
  EXPECT_EQ(messages.size(), 1u);
  const std::string log = AuditLog();
  for (const char* why : {"there is no such token", "the secret is not that token's",
                          "is for node 'h9' only", "the token expired at"}) {
    EXPECT_TRUE(absl::StrContains(log, why)) << why << " in " << log;
  }
  EXPECT_FALSE(absl::StrContains(log, "xxxx")) << "no secret is in it";
  EXPECT_TRUE(Certificates().empty());
}

TEST_F(IssuingTest, AnotherHostTakesANodesPlaceOnlyWithATicketForIt) {
  const v1::Ticket ticket = MakeTicket(9);
  ASSERT_TRUE(Join(ticket, "h1").status.ok());
  const Joined second = Join(ticket, "h1");
  EXPECT_EQ(second.status.error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_TRUE(absl::StrContains(second.status.error_message(), "token create --node h1"));
  EXPECT_TRUE(Join(MakeTicket(1, "h1"), "h1").status.ok());
}

TEST_F(IssuingTest, WhoIsRevokedRenewsNoMore) {
  const v1::Ticket ticket = MakeTicket(9);
  const Joined first = Join(ticket, "h1"), other = Join(ticket, "h2");
  const Joined renewed = Renew(first.Credentials());
  ASSERT_TRUE(renewed.status.ok() && other.status.ok());
  v1::RevokeCertificateResponse revoked;
  ASSERT_TRUE(Revoke("", "node/h1", &revoked).ok());
  EXPECT_EQ(revoked.revoked_size(), 2);
  EXPECT_GT(revoked.revision(), 0u);
  for (const Joined* ended : {&first, &renewed}) {
    EXPECT_EQ(Renew(ended->Credentials()).status.error_code(), StatusCode::UNAUTHENTICATED);
  }
  EXPECT_EQ(Join(ticket, "h1", renewed.key_pem).status.error_code(), StatusCode::PERMISSION_DENIED)
      << "a revoked key does not come back";
  EXPECT_TRUE(Renew(other.Credentials()).status.ok());
  ASSERT_TRUE(Revoke(other.Credentials().leaf.serial, "", &revoked).ok());
  EXPECT_EQ(Renew(other.Credentials()).status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(absl::IsNotFound(Revoke("", "node/h1", &revoked)));
  EXPECT_TRUE(absl::IsInvalidArgument(Revoke("", "", &revoked)));
  EXPECT_TRUE(absl::IsInvalidArgument(Revoke("a1", "node/h1", &revoked)));
  EXPECT_TRUE(absl::IsInvalidArgument(Revoke("", "root/h1", &revoked)));
  EXPECT_TRUE(absl::IsInvalidArgument(Revoke("a1", "", &revoked, /*release_lease=*/true)));
}

TEST_F(IssuingTest, ARevocationReleasesTheLeaseWhenAsked) {
  std::promise<absl::Status> leased;
  ASSERT_TRUE(writer_
                  ->Post([&](Writer& writer) {
                    const std::string json =
                        R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";
                    writer.SetNetwork(TestNetwork(json), json, [](const auto&) {});
                    writer.Acquire({"h1", TestAdvertisement(1), {}},
                                   [&](const absl::StatusOr<LeaseGrant>& grant) {
                                     leased.set_value(grant.status());
                                   });
                  })
                  .ok());
  const absl::Status granted = leased.get_future().get();
  ASSERT_TRUE(granted.ok()) << granted;
  ASSERT_TRUE(Join(MakeTicket(), "h1").status.ok());
  v1::RevokeCertificateResponse revoked;
  ASSERT_TRUE(Revoke("", "node/h1", &revoked, /*release_lease=*/true).ok());
  EXPECT_EQ(revoked.revoked_size(), 1);
  EXPECT_TRUE(revoked.lease_released());
  v1::RevokeCertificateResponse again;
  EXPECT_TRUE(absl::IsNotFound(Revoke("", "node/h1", &again, /*release_lease=*/true)));
  EXPECT_FALSE(again.lease_released());
}

TEST_F(IssuingTest, WhoHasNoCertificateRenewsNothing) {
  const identity::Authority other = identity::MakeTestAuthority();
  v1::RenewRequest request;
  v1::IssuedCertificate certificate;
  grpc::ClientContext context;
  SetDeadline(&context);
  EXPECT_EQ(Dial(nullptr)->Renew(&context, request, &certificate).error_code(),
            StatusCode::UNAUTHENTICATED);
  const identity::Credentials foreign = identity::MakeTestCredentials(other, "node/h1");
  grpc::ClientContext second;
  SetDeadline(&second);
  EXPECT_EQ(Dial(&foreign)->Renew(&second, request, &certificate).error_code(),
            StatusCode::UNAVAILABLE)
      << "the handshake fails";
}

TEST_F(IssuingTest, AdministratorsAreIssuedTheirsAndNothingOutlivesTheRoot) {
  const identity::PrivateKey key = *identity::PrivateKey::Generate();
  v1::IssueCertificateRequest request;
  request.set_role("viewer");
  request.set_name("bob");
  request.set_certificate_request_pem(RequestFor(key, "x"));
  v1::IssuedCertificate issued;
  ASSERT_TRUE(Ask(*issuing_, &IssuingCalls::IssueCertificate, &request, &issued).ok());
  const auto leaf = identity::ParseCertificate(issued.chain_pem());
  ASSERT_TRUE(leaf.ok());
  EXPECT_EQ(identity::ToString(leaf->principal), "viewer/bob");
  EXPECT_EQ(leaf->not_after, authority_->root().not_after);
  const auto entries = Certificates();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].not_after_unix_ms(), absl::ToUnixMillis(leaf->not_after));
  EXPECT_EQ(entries[0].issued_to(), "admin/alice");

  for (const auto& [role, name] : std::vector<std::pair<std::string, std::string>>{
           {"node", "h1"}, {"root", "bob"}, {"admin", ""}, {"admin", "../x"}}) {
    request.set_role(role);
    request.set_name(name);
    EXPECT_TRUE(
        absl::IsInvalidArgument(Ask(*issuing_, &IssuingCalls::IssueCertificate, &request, &issued)))
        << role << "/" << name;
  }
  request.set_role("admin");
  request.set_name("bob");
  request.set_certificate_request_pem("junk");
  EXPECT_TRUE(
      absl::IsInvalidArgument(Ask(*issuing_, &IssuingCalls::IssueCertificate, &request, &issued)));
}

TEST_F(IssuingTest, WhatIsAskedOfATicketIsBounded) {
  v1::CreateTokenResponse response;
  v1::CreateTokenRequest request;
  const auto create = [&] {
    return Ask(*issuing_, &IssuingCalls::CreateToken, &request, &response);
  };
  ASSERT_TRUE(create().ok());
  EXPECT_EQ(response.token().uses(), 1u);
  EXPECT_EQ(response.token().expires_unix_ms() - response.token().created_unix_ms(), 3'600'000);
  EXPECT_EQ(response.token().created_by(), "admin/alice");
  request.set_ttl_seconds(31 * 86'400);
  EXPECT_TRUE(absl::IsInvalidArgument(create()));
  request.set_ttl_seconds(60);
  request.set_uses(1001);
  EXPECT_TRUE(absl::IsInvalidArgument(create()));
  request.set_uses(5);
  request.set_node_id("NO");
  EXPECT_TRUE(absl::IsInvalidArgument(create()));
  v1::ListTokensResponse tokens;
  ASSERT_TRUE(Ask(*issuing_, &IssuingCalls::ListTokens, &tokens).ok());
  EXPECT_EQ(tokens.tokens_size(), 1);
}

TEST_F(IssuingTest, WithoutACaKeyOrWithoutSecurityNothingIsIssuedAndItSaysWhatToDo) {
  const v1::Ticket ticket = MakeTicket();
  has_ca_key_ = false;
  const Joined refused = Join(ticket, "h1");
  EXPECT_EQ(refused.status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(absl::StrContains(refused.status.error_message(), "ca-key.pem"));
  v1::CreateTokenRequest request;
  v1::CreateTokenResponse response;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(Ask(*issuing_, &IssuingCalls::CreateToken, &request, &response)));
  v1::RevokeCertificateResponse revoked;
  EXPECT_TRUE(Revoke("a1", "", &revoked).ok()) << "as with a PKI of one's own";

  IssuingCalls::Wiring wiring = IssuingWiring();
  wiring.insecure = true;
  const IssuingCalls insecure(wiring);
  const absl::Status why = Ask(insecure, &IssuingCalls::CreateToken, &request, &response);
  EXPECT_TRUE(absl::IsFailedPrecondition(why));
  EXPECT_TRUE(absl::StrContains(why.message(), "--insecure")) << why;
  v1::ListTokensResponse tokens;
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask(insecure, &IssuingCalls::ListTokens, &tokens)));
}

TEST_F(IssuingTest, WhoTriesTicketsWithoutEndIsSlowedDown) {
  v1::Ticket guess;
  guess.set_token_id("00000000000000ff");
  int tried = 0, slowed = 0;
  for (int i = 0; i < 30; ++i) {
    const StatusCode code = Join(guess, "h1").status.error_code();
    tried += code == StatusCode::PERMISSION_DENIED ? 1 : 0;
    slowed += code == StatusCode::RESOURCE_EXHAUSTED ? 1 : 0;
  }
  EXPECT_EQ(tried, 20);
  EXPECT_EQ(slowed, 10);
  clock_.ahead_seconds = 60;
  EXPECT_EQ(Join(guess, "h1").status.error_code(), StatusCode::PERMISSION_DENIED) << "later";
}

}  // namespace
}  // namespace heddle::controller

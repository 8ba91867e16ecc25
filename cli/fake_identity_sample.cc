// Tokens and certificates of the sample cluster.
#include "cli/fake_admin.h"
#include "cli/fake_cluster.h"

namespace heddle::cli {
namespace {

std::int64_t After(absl::Duration from_now) { return absl::ToUnixMillis(FakeNow() + from_now); }

v1::Token SampleToken(const std::string& id, const std::string& node_id, std::uint32_t uses) {
  v1::Token token;
  token.set_id(id);
  token.set_node_id(node_id);
  token.set_created_unix_ms(After(-absl::Minutes(10)));
  token.set_expires_unix_ms(After(absl::Minutes(50 * uses)));
  token.set_uses(uses);
  token.set_uses_left(uses);
  token.set_created_by("admin/alice");
  return token;
}

v1::CertificateEntry SampleCertificate(const std::string& principal, const std::string& serial,
                                       absl::Duration age) {
  v1::CertificateEntry entry;
  entry.set_principal(principal);
  entry.set_serial(serial);
  entry.set_not_before_unix_ms(After(-age));
  entry.set_not_after_unix_ms(After(absl::Hours(720) - age));
  entry.set_issuer("00112233aabbccdd");
  entry.set_issued_to("renewal");
  entry.set_newest(true);
  return entry;
}

}  // namespace

void AddTokensAndCertificates(FakeState* state) {
  v1::CreateTokenResponse& created = state->created_token;
  *created.mutable_token() = SampleToken("0123456789abcdef", "", 1);
  created.mutable_ticket()->add_controllers("192.0.2.1:7411");
  created.mutable_ticket()->set_roots_pem(FakeAuthority().root().pem);
  created.mutable_ticket()->set_token_id("0123456789abcdef");
  created.mutable_ticket()->set_secret(std::string(32, 's'));
  created.set_revision(21);

  state->tokens.set_revision(21);
  *state->tokens.add_tokens() = SampleToken("fedcba9876543210", "host-9", 3);
  state->tokens.mutable_tokens(0)->set_uses_left(2);
  *state->tokens.add_tokens() = created.token();

  v1::ListCertificatesResponse& certificates = state->certificates;
  certificates.set_revision(21);
  *certificates.add_certificates() =
      SampleCertificate("node/host-10", "7b0d6c4e0a", absl::Hours(100));
  v1::CertificateEntry revoked = SampleCertificate("node/host-2", "5a0c", absl::Hours(30));
  revoked.set_revoked_unix_ms(After(-absl::Hours(2)));
  revoked.set_issued_to("ticket 0123456789abcdef");
  *certificates.add_certificates() = revoked;
  *certificates.add_certificates() = SampleCertificate("admin/alice", "11ff", absl::Hours(730));

  *state->revoked.add_revoked() = revoked;
  state->revoked.set_revision(22);
}

}  // namespace heddle::cli

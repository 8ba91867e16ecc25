#include "identity/test_credentials.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "identity/private_key.h"

namespace heddle::identity {
namespace {

template <typename T>
T Required(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << result.status() << std::endl;
  std::abort();
}

}  // namespace

Authority MakeTestAuthority() { return Required(Authority::Create(absl::Now(), absl::Hours(24))); }

Credentials MakeTestCredentials(const Authority& authority, absl::string_view principal,
                                const TestTerm& term) {
  const Principal who = Required(ParsePrincipal(principal));
  const PrivateKey key = Required(PrivateKey::Generate());
  const RequestedKey requested =
      Required(CheckCertificateRequest(Required(MakeCertificateRequest(key, who))));
  const std::string certificate = Required(authority.Issue(
      requested.public_key_der, {who, NewSerial(), term.not_before, term.not_after}));
  return Required(MakeCredentials(key.ToPem(), certificate, authority.root().pem));
}

}  // namespace heddle::identity

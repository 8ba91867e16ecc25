#include "identity/chain.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/openssl.h"

namespace heddle::identity {
namespace {

using StoreOwner = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using ContextOwner = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;
constexpr int kSecurityLevel = 2;

// Only the stack: the certificates have owners.
void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
using StackOwner = std::unique_ptr<STACK_OF(X509), FreeWith<FreeStack>>;

}  // namespace

absl::Status VerifyClientChain(absl::string_view chain_pem, absl::string_view roots_pem,
                               std::optional<absl::Time> now) {
  const ErrorQueue queue;
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<X509Owner> chain, ReadCertificates(chain_pem));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<X509Owner> roots, ReadCertificates(roots_pem));
  if (chain.empty()) return absl::InvalidArgumentError("there is no certificate in PEM");
  const StoreOwner store(X509_STORE_new());
  const StackOwner between(sk_X509_new_null());
  const ContextOwner context(X509_STORE_CTX_new());
  bool prepared = store != nullptr && between != nullptr && context != nullptr;
  for (const X509Owner& root : roots) {
    prepared = prepared && X509_STORE_add_cert(store.get(), root.get()) == 1;
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    prepared = prepared && sk_X509_push(between.get(), chain[i].get()) > 0;
  }
  prepared = prepared && X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(),
                                             between.get()) == 1;
  prepared = prepared && X509_STORE_CTX_set_default(context.get(), "ssl_client") == 1;
  if (!prepared) return OpensslFailed("prepare to verify a certificate");
  X509_VERIFY_PARAM* const terms = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_auth_level(terms, kSecurityLevel);
  if (now) {
    X509_VERIFY_PARAM_set_time(terms, absl::ToTimeT(*now));
  } else {
    X509_VERIFY_PARAM_set_flags(terms, X509_V_FLAG_NO_CHECK_TIME);
  }
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();
  return absl::UnauthenticatedError(
      absl::StrCat("the certificate does not lead to a root that is believed: ",
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
}

}  // namespace heddle::identity

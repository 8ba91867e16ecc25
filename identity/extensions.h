// The parts of a certificate to be: names and extensions (RFC 5280, 4.2). For this folder's own
// sources only.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "identity/openssl.h"

namespace heddle::identity {

// "O = Heddle, CN = <common_name>", cut to the 64 characters that a common name may have: it is for
// people to read, the URI is what counts.
absl::Status SetName(X509_NAME* name, const std::string& common_name);

// A subjectAltName of one URI and, unless empty, one DNS name.
absl::StatusOr<ExtensionOwner> AlternativeName(const std::string& uri, const std::string& dns_name);

// `text` in OpenSSL's notation; never with anything from outside in it.
absl::Status AddExtension(X509* certificate, int nid, const char* text);
absl::Status AddKeyId(X509* certificate, int nid, const std::string& key_id);

}  // namespace heddle::identity

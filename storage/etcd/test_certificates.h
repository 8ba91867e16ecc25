// Certificates for an etcd of a test, made with the openssl program: a CA, a server on loopback, a
// client.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace heddle::storage {

struct TestCertificates {
  std::string ca, certificate, key;  // files of the client, whose common name is "heddle"
};

// Writes ca, server and client .crt and .key into `folder`.
absl::StatusOr<TestCertificates> MakeTestCertificates(const std::string& folder);

}  // namespace heddle::storage

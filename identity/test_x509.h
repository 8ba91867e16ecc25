// Certificates such as no Authority issues: for tests of what is to be refused.
#pragma once

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace heddle::identity {

struct TestName {
  bool is_uri = true;  // else a DNS name
  std::string value;   // may have any bytes in it
};

struct TestX509 {
  std::vector<TestName> names;      // one subjectAltName; none of it when empty
  std::string serial_hex = "1234";  // may be "0" or begin with "-"
  absl::Time not_before = absl::Now() - absl::Hours(1);
  absl::Time not_after = absl::Now() + absl::Hours(1);
  const char* key_usage = "critical,digitalSignature";
  const char* extended_key_usage = "serverAuth,clientAuth";
  const char* basic_constraints = "critical,CA:FALSE";
  bool second_names = false;       // the subjectAltName twice
  std::string key_pem;             // whose it is; made when empty
  std::string root_pem, root_key;  // who signs; itself when empty
};

struct TestPair {
  std::string certificate_pem, key_pem;
};

// Ends the test program when OpenSSL cannot.
TestPair Make(const TestX509& wanted);
// PEM, PKCS #8.
std::string MakeRsaKey(int bits);
std::string MakeEcKey(const char* curve);
std::string MakeEd25519Key();
// Of any key, signed with any other.
std::string MakeRequest(const std::string& key_pem, const std::string& signing_key_pem);

}  // namespace heddle::identity

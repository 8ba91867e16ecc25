// Between the CertificateBook's values and the records kept in the store. What is read back is
// checked like any other input.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "controller/certificate_book.h"
#include "storage/store.h"

namespace heddle::controller {

std::string EncodeCertificate(const IssuedCertificate& certificate);
std::string EncodeToken(const JoinToken& token);
// Of a record under kCertificatePrefix, and of one under kTokenPrefix. InvalidArgument says what
// cannot be read.
absl::StatusOr<IssuedCertificate> DecodeCertificate(const storage::Record& record);
absl::StatusOr<JoinToken> DecodeToken(const storage::Record& record);

}  // namespace heddle::controller

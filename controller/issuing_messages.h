// Certificates and tokens as heddlectl is shown them.
#pragma once

#include "api/heddle/v1/identity.pb.h"
#include "controller/certificate_book.h"

namespace heddle::controller {

v1::Token ToMessage(const JoinToken& token);
// As it stands in `book`.
v1::CertificateEntry ToMessage(const CertificateBook& book, const IssuedCertificate& certificate);

// By principal, the longest lasting first; at the end those of which nothing is known but that they
// are revoked. Without `superseded`, of each principal the newest only.
void FillCertificates(const CertificateBook& book, bool superseded,
                      v1::ListCertificatesResponse* response);

}  // namespace heddle::controller

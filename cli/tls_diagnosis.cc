#include "cli/tls_diagnosis.h"

#include <openssl/x509v3.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/text.h"
#include "cli/tls_probe.h"

namespace heddle::cli {
namespace {

constexpr absl::Duration kWithin = absl::Seconds(2);

std::string AsnTimeText(const ASN1_TIME* time) {
  std::tm broken{};
  if (ASN1_TIME_to_tm(time, &broken) != 1) return "a time that cannot be read";
  return TimeText(absl::FromTM(broken, absl::UTCTimeZone()));
}

bool ProvesName(X509* certificate, const std::string& controller, const std::string& server_name) {
  if (!server_name.empty()) {
    return X509_check_host(certificate, server_name.c_str(), 0, 0, nullptr) == 1;
  }
  std::string host = controller.substr(0, controller.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return X509_check_host(certificate, host.c_str(), 0, 0, nullptr) == 1 ||
         X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
}

absl::Status WrongCertificate(const std::string& controller, X509* certificate, int error) {
  const std::string whose = absl::StrCat("the certificate of the controller at ", controller);
  const std::string here = absl::StrCat("it is ", TimeText(absl::Now()), " here");
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::UnauthenticatedError(absl::StrCat(
          whose, " (or of its authority) has expired, its own at ",
          AsnTimeText(X509_get0_notAfter(certificate)), ", and ", here,
          ". Set this host's clock right, or see in the controller's log why it was not renewed"));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::UnauthenticatedError(
          absl::StrCat(whose, " (or of its authority) is not valid yet, its own from ",
                       AsnTimeText(X509_get0_notBefore(certificate)), ", and ", here,
                       ". Set the clocks of both hosts right"));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return absl::UnauthenticatedError(absl::StrCat(
          whose,
          " is of another authority than the identity in use believes. Is it another "
          "cluster's? Then use an identity of that cluster (--identity); \"heddlectl cert "
          "show\" shows the authorities of this one"));
    default:
      return absl::UnauthenticatedError(
          absl::StrCat(whose, " cannot be believed: ", X509_verify_cert_error_string(error),
                       ". Have another one made for it"));
  }
}

absl::Status WrongName(const std::string& controller, const std::string& server_name) {
  if (server_name.empty()) {
    return absl::UnauthenticatedError(
        absl::StrCat("the certificate of the server at ", controller,
                     " is not for the host that was dialled. Dial the name that is in it, or name "
                     "that with --tls-server-name"));
  }
  return absl::UnauthenticatedError(absl::StrCat(
      "the certificate of the server at ", controller, " is not for the name \"", server_name,
      "\", so that it is no controller's. With a PKI of your own name what is in it "
      "with --tls-server-name"));
}

absl::Status JudgeWithoutTls(const std::string& controller, TlsProbe* probe) {
  if (probe->Run() != TlsProbe::End::kShaken) return absl::OkStatus();
  return absl::UnauthenticatedError(absl::StrCat(
      "the controller at ", controller,
      " speaks TLS. Leave out --insecure; who you are is then proven with --identity"));
}

}  // namespace

absl::Status DiagnoseTls(const std::string& controller, const identity::Credentials* credentials,
                         const std::string& server_name) {
  const int fd = DialTcp(controller, kWithin);
  if (fd < 0) return absl::OkStatus();
  const auto close_socket = absl::MakeCleanup([fd] { close(fd); });
  TlsProbe probe(fd, credentials == nullptr ? nullptr : &credentials->roots_pem);
  if (credentials == nullptr) return JudgeWithoutTls(controller, &probe);
  const TlsProbe::End end = probe.Run();
  X509* const certificate = probe.server_certificate();
  if (certificate != nullptr && probe.verify_error() != X509_V_OK) {
    return WrongCertificate(controller, certificate, probe.verify_error());
  }
  if (certificate != nullptr && !ProvesName(certificate, controller, server_name)) {
    return WrongName(controller, server_name);
  }
  if (end == TlsProbe::End::kNotTls) {
    return absl::UnauthenticatedError(absl::StrCat(
        "the server at ", controller,
        " does not speak TLS. If it is a controller that was started with --insecure, nobody there "
        "is asked who they are: give --insecure here, too, if that is meant"));
  }
  return absl::OkStatus();
}

}  // namespace heddle::cli

#include "storage/etcd/credentials.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "storage/etcd/etcd_store.h"

namespace heddle::storage {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio Reader(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
}

absl::StatusOr<std::string> ReadNamed(absl::string_view what, const std::string& path) {
  auto content = ReadFile(path, kMaxFileBytes);
  if (content.ok()) return content;
  return absl::InvalidArgumentError(
      absl::StrCat("cannot read the ", what, " for etcd: ", content.status().message()));
}

absl::StatusOr<std::string> ReadSecret(absl::string_view what, const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) == 0 && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    spdlog::warn("the {} {} is open to others than its owner; do 'chmod 600 {}'", std::string(what),
                 path, path);
  }
  return ReadNamed(what, path);
}

absl::Status WrongFile(absl::string_view what, const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the ", what, " for etcd, ", path, ", ", why));
}

absl::StatusOr<Certificate> ParseCertificate(absl::string_view what, const std::string& path,
                                             const std::string& pem) {
  Certificate parsed(PEM_read_bio_X509(Reader(pem).get(), nullptr, nullptr, nullptr), &X509_free);
  if (parsed == nullptr) return WrongFile(what, path, "holds no certificate in PEM");
  return parsed;
}

// A pass phrase is not asked for on a terminal: such a key is refused.
int NoPassPhrase(char*, int, int, void*) { return -1; }

absl::Status CheckKey(const std::string& path, const std::string& pem, X509* certificate) {
  Key key(PEM_read_bio_PrivateKey(Reader(pem).get(), nullptr, &NoPassPhrase, nullptr),
          &EVP_PKEY_free);
  if (key == nullptr) return WrongFile("key", path, "holds no unencrypted private key in PEM");
  if (X509_check_private_key(certificate, key.get()) != 1) {
    return WrongFile("key", path, "is not the key of the certificate");
  }
  return absl::OkStatus();
}

std::string CommonName(X509* certificate) {
  char name[256] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return Excerpt(name);
}

absl::Status CheckTogether(const EtcdOptions& options) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError(
        "a client certificate for etcd needs both its file and that of its key");
  }
  if (options.user.empty() != options.password_file.empty()) {
    return absl::InvalidArgumentError("a user of etcd needs both a name and a password file");
  }
  return absl::OkStatus();
}

absl::Status ReadCertificate(const EtcdOptions& options, grpc::SslCredentialsOptions* tls,
                             std::string* identity) {
  if (options.certificate_file.empty()) return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(tls->pem_cert_chain, ReadNamed("certificate", options.certificate_file));
  HEDDLE_ASSIGN_OR_RETURN(
      const Certificate certificate,
      ParseCertificate("certificate", options.certificate_file, tls->pem_cert_chain));
  HEDDLE_ASSIGN_OR_RETURN(tls->pem_private_key, ReadSecret("key", options.key_file));
  *identity = absl::StrCat("\"", CommonName(certificate.get()), "\" (the common name of ",
                           options.certificate_file, ")");
  return CheckKey(options.key_file, tls->pem_private_key, certificate.get());
}

absl::Status ReadPassword(const EtcdOptions& options, EtcdCredentials* credentials) {
  if (options.user.empty()) return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(const std::string content,
                          ReadSecret("password file", options.password_file));
  // As an editor or `echo` leaves it. Spaces may belong to the password.
  credentials->password = std::string(absl::StripSuffix(content, "\n"));
  if (credentials->password.empty()) {
    return WrongFile("password file", options.password_file, "is empty");
  }
  if (credentials->password.find('\n') != std::string::npos) {
    return WrongFile("password file", options.password_file, "has more than one line");
  }
  credentials->user = options.user;
  credentials->identity = absl::StrCat("the user \"", options.user, "\"");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EtcdCredentials> ReadCredentials(const EtcdOptions& options) {
  HEDDLE_RETURN_IF_ERROR(CheckTogether(options));
  EtcdCredentials credentials;
  credentials.identity = "a client without a name";
  const bool has_tls = !options.ca_file.empty() || !options.certificate_file.empty();
  grpc::SslCredentialsOptions tls;
  if (!options.ca_file.empty()) {
    HEDDLE_ASSIGN_OR_RETURN(tls.pem_root_certs, ReadNamed("CA", options.ca_file));
    const auto ca = ParseCertificate("CA", options.ca_file, tls.pem_root_certs);
    if (!ca.ok()) return ca.status();
  }
  HEDDLE_RETURN_IF_ERROR(ReadCertificate(options, &tls, &credentials.identity));
  HEDDLE_RETURN_IF_ERROR(ReadPassword(options, &credentials));
  if (has_tls) {
    credentials.channel = grpc::SslCredentials(tls);
  } else {
    credentials.channel = grpc::InsecureChannelCredentials();
    if (!credentials.user.empty()) {
      spdlog::warn("the password of etcd's user {} crosses the network unencrypted; name a CA file",
                   credentials.user);
    }
  }
  return credentials;
}

}  // namespace heddle::storage

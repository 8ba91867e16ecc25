#include "identity/credentials.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "identity/openssl.h"

namespace heddle::identity {
namespace {

// The leaf, and after it what leads to a root; a root itself is not sent.
absl::StatusOr<std::string> ChainOf(absl::string_view pem, const PrivateKey& key) {
  auto certificates = ReadCertificates(pem);
  if (!certificates.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate file ", certificates.status().message()));
  }
  if (certificates->empty()) return absl::InvalidArgumentError("there is no certificate in PEM");
  X509* const leaf = certificates->front().get();
  EVP_PKEY* const certified = X509_get0_pubkey(leaf);
  if (certified == nullptr || EVP_PKEY_eq(certified, key.get()) != 1) {
    return absl::InvalidArgumentError("the certificate is not of the private key");
  }
  std::string chain;
  for (const X509Owner& certificate : *certificates) {
    if (certificate.get() != leaf && IsRoot(certificate.get())) continue;
    HEDDLE_ASSIGN_OR_RETURN(const std::string one, PemOf(certificate.get()));
    chain += one;
  }
  return chain;
}

absl::Status CheckMode(const std::string& path) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  }
  const bool may_group_change = (file.st_mode & (S_IWGRP | S_IXGRP)) != 0 && file.st_gid != 0;
  if ((file.st_mode & S_IRWXO) == 0 && !may_group_change) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrFormat(
      "others than its owner and readers of its group may use the private key in %s (mode %04o): "
      "run 'chmod 600' on it (640 for readers of its group), and have another one made if it may "
      "have been read",
      path, file.st_mode & 07777));
}

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  auto content = ReadFile(path, kMaxPemBytes);
  if (content.ok() || !absl::IsResourceExhausted(content.status())) return content;
  return absl::InvalidArgumentError(content.status().message());
}

// Each once, for messages.
std::string Names(const CredentialFiles& files) {
  std::string names = files.key;
  if (files.certificate != files.key) absl::StrAppend(&names, ", ", files.certificate);
  if (files.roots != files.key && files.roots != files.certificate) {
    absl::StrAppend(&names, ", ", files.roots);
  }
  return names;
}

}  // namespace

absl::StatusOr<Credentials> MakeCredentials(absl::string_view key_pem, absl::string_view chain_pem,
                                            absl::string_view roots_pem) {
  const ErrorQueue queue;
  HEDDLE_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::Parse(key_pem));
  Credentials credentials;
  credentials.key_pem = key.ToPem();
  if (credentials.key_pem.empty()) return absl::InternalError("OpenSSL cannot write a private key");
  HEDDLE_ASSIGN_OR_RETURN(credentials.chain_pem, ChainOf(chain_pem, key));
  HEDDLE_ASSIGN_OR_RETURN(credentials.leaf, ParseCertificate(credentials.chain_pem));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Root> roots, ParseRoots(roots_pem));
  if (roots.empty()) {
    return absl::InvalidArgumentError(
        "there is no root certificate (self-issued, of a CA) to check others' with");
  }
  for (const Root& root : roots) credentials.roots_pem += root.pem;
  return credentials;
}

absl::StatusOr<Credentials> LoadCredentials(const CredentialFiles& files) {
  HEDDLE_RETURN_IF_ERROR(CheckMode(files.key));
  HEDDLE_ASSIGN_OR_RETURN(std::string key, ReadPem(files.key));
  const absl::Cleanup forget = [&key] { OPENSSL_cleanse(key.data(), key.size()); };
  // One file is read once: another look might find the next one.
  std::string chain, roots;
  if (files.certificate != files.key) {
    HEDDLE_ASSIGN_OR_RETURN(chain, ReadPem(files.certificate));
  }
  if (files.roots != files.key) {
    HEDDLE_ASSIGN_OR_RETURN(roots, ReadPem(files.roots));
  }
  auto credentials = MakeCredentials(key, files.certificate == files.key ? key : chain,
                                     files.roots == files.key ? key : roots);
  if (credentials.ok()) return credentials;
  return absl::Status(credentials.status().code(),
                      absl::StrCat(Names(files), ": ", credentials.status().message()));
}

absl::Status WriteIdentityFile(const std::string& path, const Credentials& credentials) {
  const auto slash = path.rfind('/');
  if (slash != std::string::npos && slash != 0) {
    HEDDLE_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash), 0700));
  }
  std::string content =
      absl::StrCat(credentials.key_pem, credentials.chain_pem, credentials.roots_pem);
  const absl::Cleanup forget = [&content] { OPENSSL_cleanse(content.data(), content.size()); };
  return WriteFileAtomically(path, content, 0600);
}

}  // namespace heddle::identity

#include "node/dataplane/wireguard_secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

constexpr std::size_t kLongestFileBytes = 4096;

using KeyPair = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

KeyPair Owned(EVP_PKEY* key) { return KeyPair(key, EVP_PKEY_free); }

absl::StatusOr<WireguardSecret> SecretOf(const KeyPair& pair) {
  WireguardSecret secret;
  std::size_t private_size = secret.private_key.size();
  std::size_t public_size = secret.public_key.bytes.size();
  if (pair == nullptr ||
      EVP_PKEY_get_raw_private_key(pair.get(), secret.private_key.data(), &private_size) != 1 ||
      EVP_PKEY_get_raw_public_key(pair.get(), secret.public_key.bytes.data(), &public_size) != 1) {
    return absl::InternalError("OpenSSL cannot work with an X25519 key");
  }
  return secret;
}

absl::StatusOr<WireguardSecret> Make(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(WireguardSecret secret,
                          SecretOf(Owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"))));
  // As `wg genkey` does; any X25519 implementation does it before use.
  secret.private_key.front() &= 0xf8;
  secret.private_key.back() = (secret.private_key.back() & 0x7f) | 0x40;
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash != 0) {
    HEDDLE_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash), 0700));
  }
  std::string line = absl::StrCat(WireguardKey{secret.private_key}.ToBase64(), "\n");
  const absl::Cleanup forget = [&] { OPENSSL_cleanse(&line[0], line.size()); };
  HEDDLE_RETURN_IF_ERROR(WriteFileAtomically(path, line, 0600));
  return secret;
}

absl::Status CheckFile(const std::string& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a plain file"));
  }
  if ((file.st_mode & 077) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "others than its owner may use the WireGuard key in %s (mode %04o): run 'chmod 600' on it, "
      "or "
      "remove it if it may have been read, and restart heddle-node, which makes a new one",
      path, file.st_mode & 07777));
}

absl::StatusOr<WireguardSecret> Load(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLongestFileBytes));
  const absl::Cleanup forget = [&] { OPENSSL_cleanse(&text[0], text.size()); };
  const auto key = WireguardKey::Parse(absl::StripAsciiWhitespace(text));
  if (!key.ok() || key->is_zero()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     " holds no WireGuard key, which is one line of base64 as 'wg genkey' prints: "
                     "put it back, or remove the file and restart heddle-node, which makes a new "
                     "one"));
  }
  return SecretOf(Owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, key->bytes.data(),
                                                     key->bytes.size())));
}

}  // namespace

absl::StatusOr<WireguardSecret> LoadOrMakeWireguardSecret(const std::string& path) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return Make(path);
    return absl::UnavailableError(
        absl::StrCat("cannot look at the WireGuard key ", path, ": ", strerror(errno)));
  }
  HEDDLE_RETURN_IF_ERROR(CheckFile(path, file));
  return Load(path);
}

}  // namespace heddle::node

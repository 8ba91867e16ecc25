#include "identity/ticket.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/heddle/v1/identity.pb.h"
#include "identity/certificate.h"
#include "identity/openssl.h"

namespace heddle::identity {
namespace {

constexpr char kPrefix[] = "heddle-ticket-1.";
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kTokenIdBytes = 8;
constexpr std::size_t kMostControllers = 64;
// Base64 of kMaxPemBytes of roots, and as much again for the rest.
constexpr std::size_t kLongestTicket = 4 * kMaxPemBytes;

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  // Without random numbers nothing here is safe: better no answer than a wrong one.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&bytes[0]), static_cast<int>(count)) != 1) {
    std::abort();
  }
  return bytes;
}

std::uint32_t ChecksumOf(v1::Ticket message) {
  message.clear_checksum();
  const std::string digest = Sha256(message.SerializeAsString());
  std::uint32_t checksum = 0;
  for (int i = 0; i < 4; ++i) checksum = checksum << 8 | static_cast<unsigned char>(digest[i]);
  return checksum;
}

absl::Status NoTicket(absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("this is no join ticket: ", why,
                   "; take the whole line that 'heddlectl token create' printed"));
}

bool IsHostAndPort(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) return false;
  for (const char c : address) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

bool IsTokenId(absl::string_view id) {
  for (const char c : id) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) || absl::ascii_isupper(c)) {
      return false;
    }
  }
  return id.size() == 2 * kTokenIdBytes;
}

absl::Status Check(const Ticket& ticket) {
  if (ticket.controllers.empty() || ticket.controllers.size() > kMostControllers) {
    return NoTicket("it names no controller, or too many");
  }
  for (const std::string& controller : ticket.controllers) {
    if (!IsHostAndPort(controller)) return NoTicket("it names a controller that is no host:port");
  }
  const auto roots = ParseRoots(ticket.roots_pem);
  if (!roots.ok() || roots->empty()) return NoTicket("there is no root certificate in it");
  if (!IsTokenId(ticket.token_id)) return NoTicket("there is no token id in it");
  if (ticket.secret.size() != kSecretBytes) return NoTicket("there is no secret in it");
  return absl::OkStatus();
}

}  // namespace

std::string EncodeTicket(const Ticket& ticket) {
  v1::Ticket message;
  for (const std::string& controller : ticket.controllers) message.add_controllers(controller);
  message.set_roots_pem(ticket.roots_pem);
  message.set_token_id(ticket.token_id);
  message.set_secret(ticket.secret);
  message.set_checksum(ChecksumOf(message));
  return absl::StrCat(kPrefix, absl::WebSafeBase64Escape(message.SerializeAsString()));
}

absl::StatusOr<Ticket> DecodeTicket(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() > kLongestTicket) return NoTicket("it is too long");
  if (!absl::ConsumePrefix(&text, kPrefix)) {
    return NoTicket(absl::StrCat("it does not start with ", kPrefix));
  }
  std::string bytes;
  v1::Ticket message;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || !message.ParseFromString(bytes) ||
      message.checksum() != ChecksumOf(message)) {
    return NoTicket("it was cut or changed");
  }
  Ticket ticket;
  ticket.controllers.assign(message.controllers().begin(), message.controllers().end());
  ticket.roots_pem = message.roots_pem();
  ticket.token_id = message.token_id();
  ticket.secret = message.secret();
  if (const absl::Status valid = Check(ticket); !valid.ok()) return valid;
  return ticket;
}

std::string SecretDigest(absl::string_view secret) { return Sha256(secret); }

bool DigestsEqual(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string NewSecret() { return RandomBytes(kSecretBytes); }

std::string NewTokenId() { return absl::BytesToHexString(RandomBytes(kTokenIdBytes)); }

}  // namespace heddle::identity

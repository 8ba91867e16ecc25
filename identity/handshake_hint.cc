#include "identity/handshake_hint.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace heddle::identity {
namespace {

// A server tells nobody why it refuses a certificate: it hangs up.
std::string HungUp(const Certificate* own, absl::Time now) {
  if (own == nullptr) {
    return "the other side hung up at once: it may speak TLS and this one not, or the reverse; "
           "look "
           "whether only one of them was started with --insecure";
  }
  if (const absl::Status valid = CheckValidity(*own, now); !valid.ok()) {
    return std::string(valid.message());
  }
  return absl::StrCat("the other side hung up at once: it may not believe the certificate of ",
                      ToString(own->principal), " (serial ", own->serial,
                      "), whose authority must be among its roots, or its clock may be wrong, or "
                      "it was started with --insecure");
}

}  // namespace

std::string HandshakeHint(absl::string_view message, const Certificate* own, absl::Time now) {
  if (absl::StrContains(message, "certificate verify failed")) {
    return "the controller's certificate is not believed: it does not lead to one of the roots "
           "known here, or has expired, or is not a server's, or the clock here is wrong";
  }
  if (absl::StrContains(message, "is not in peer certificate")) {
    return "what answers is no controller by its certificate; if it is one of another authority, "
           "name what is in its certificate with --tls-server-name";
  }
  if (absl::StrContains(message, "wrong version number")) {
    return "what answers does not speak TLS; a controller that was started with --insecure needs "
           "--insecure here, too";
  }
  const bool is_hung_up = absl::StrContains(message, "failed to connect") &&
                          (absl::StrContains(message, "Socket closed") ||
                           absl::StrContains(message, "Connection reset"));
  return is_hung_up ? HungUp(own, now) : "";
}

}  // namespace heddle::identity

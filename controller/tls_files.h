// Where a controller's keys and certificates lie.
#pragma once

#include <string>

#include "identity/credentials.h"

namespace heddle::controller {

// What `heddle-controller init` makes. The folder has mode 0700, every key 0600.
struct TlsFiles {
  std::string folder;

  // Whom this cluster believes: one root, or while the CA changes two.
  std::string roots() const { return folder + "/ca.pem"; }
  // The key of the root that signs. Absent on a controller that never issues.
  std::string ca_key() const { return folder + "/ca-key.pem"; }
  // While the CA changes: the key and certificate of the root that is to sign next ...
  std::string next_ca_key() const { return folder + "/ca-next-key.pem"; }
  // ... that root as the present one has signed it, for who does not know it yet ...
  std::string cross() const { return folder + "/ca-cross.pem"; }
  // ... and, when it signs, the key of the one before.
  std::string former_ca_key() const { return folder + "/ca-former-key.pem"; }
  // This controller's own key and certificate.
  std::string own() const { return folder + "/controller.pem"; }

  identity::CredentialFiles credentials() const { return {own(), own(), roots()}; }
};

}  // namespace heddle::controller

#include "node/dataplane/wireguard.h"

namespace heddle::node {

absl::StatusOr<WireguardSecret> LoadOrMakeWireguardSecret(const std::string& /*path*/) {
  return absl::UnimplementedError("the wireguard backend is not built yet");
}

absl::Status Wireguard::Read(NetworkState* /*state*/) { return absl::OkStatus(); }

absl::Status Wireguard::Write(Operation::Kind /*kind*/, const std::string& /*link*/,
                              const WireguardDevice& /*device*/) {
  return absl::UnimplementedError("the wireguard backend is not built yet");
}

absl::Status Wireguard::Write(Operation::Kind /*kind*/, const WireguardPeerKey& /*key*/,
                              const WireguardPeer& /*peer*/) {
  return absl::UnimplementedError("the wireguard backend is not built yet");
}

}  // namespace heddle::node

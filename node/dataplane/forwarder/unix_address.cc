#include "node/dataplane/forwarder/unix_address.h"

#include <sys/socket.h>

#include "absl/strings/str_cat.h"

namespace heddle::node::forwarder {

absl::StatusOr<sockaddr_un> ToUnixAddress(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path,
                                                   "' is no path for a Unix socket: 1 to ",
                                                   sizeof(address.sun_path) - 1, " bytes"));
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace heddle::node::forwarder

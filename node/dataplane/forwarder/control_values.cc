#include "node/dataplane/forwarder/control_values.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node::forwarder {

void EncodePrefix(const Prefix& prefix, control::Prefix* to) {
  to->set_base(prefix.base().ToBytes());
  to->set_length(static_cast<std::uint32_t>(prefix.length()));
}

absl::StatusOr<Prefix> DecodePrefix(const control::Prefix& prefix) {
  HEDDLE_ASSIGN_OR_RETURN(const Ip base, Ip::FromBytes(prefix.base()));
  if (prefix.length() > static_cast<std::uint32_t>(BitsOf(base.family()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("subnet: ", base.ToString(), " with length ", prefix.length()));
  }
  return Prefix(base, static_cast<int>(prefix.length()));
}

absl::StatusOr<std::uint16_t> DecodePort(std::uint32_t port) {
  if (port == 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("port: ", port, " is none"));
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace heddle::node::forwarder

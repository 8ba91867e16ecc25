#include "node/dataplane/forwarder/descriptor.h"

#include <unistd.h>

namespace heddle::node::forwarder {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);  // what was ours is closed with `other`
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace heddle::node::forwarder

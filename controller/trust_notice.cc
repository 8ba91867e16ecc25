#include "controller/trust_notice.h"

namespace heddle::controller {

bool TrustNotice::Set(const Trust& trust) {
  MutexLock lock(&mutex_);
  if (frame_ != nullptr && trust == trust_) return false;
  trust_ = trust;
  frame_ = TrustFrame(trust.roots_pem, trust.issuer);
  return true;
}

Frame TrustNotice::frame() const {
  MutexLock lock(&mutex_);
  return frame_;
}

}  // namespace heddle::controller

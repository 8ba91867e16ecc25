// What the nodes of this controller are to know of trust: whom to believe, and which root signs.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "controller/frames.h"

namespace heddle::controller {

struct Trust {
  std::string roots_pem;
  std::string issuer;  // key id of the root that signs; empty: this controller has no CA key

  friend bool operator==(const Trust& a, const Trust& b) {
    return a.roots_pem == b.roots_pem && a.issuer == b.issuer;
  }
};

// Made into a frame once for all streams. Thread-safe.
class TrustNotice {
 public:
  // Whether that is news.
  bool Set(const Trust& trust);
  // Another pointer when there is another to tell; null: nothing was set, as without TLS.
  Frame frame() const;

 private:
  mutable Mutex mutex_;
  Trust trust_ ABSL_GUARDED_BY(mutex_);
  Frame frame_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller

// The root that signs, as a controller's files have it now.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "controller/tls_files.h"
#include "identity/authority.h"

namespace heddle::controller {

// Thread-safe.
class LiveAuthority {
 public:
  // Looks at once.
  explicit LiveAuthority(const TlsFiles& files);

  // Null: its key is not here, and this controller issues nothing.
  std::shared_ptr<const identity::Authority> Current() const;
  // What follows a certificate of Current() in a chain, for who believes only the root before it.
  std::string cross_pem() const;
  // Looks whether the files have changed. What does not fit together is told once, and leaves all
  // as it was.
  void Look();

 private:
  const TlsFiles files_;
  mutable Mutex mutex_;
  std::string seen_ ABSL_GUARDED_BY(mutex_);  // which files, of what time and size
  std::shared_ptr<const identity::Authority> current_ ABSL_GUARDED_BY(mutex_);
  std::string cross_pem_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller

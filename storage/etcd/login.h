// The token of a user with a password: fetched when first needed, and again when etcd no longer
// takes it (a member that was restarted has forgotten it). Callers who find that out together share
// one login, which costs etcd a fifth of a second. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace heddle::storage {

class EtcdLogin {
 public:
  struct Token {
    std::string text;          // empty: etcd does not want one
    std::uint64_t number = 0;  // of the login that gave it
  };
  using Done = std::function<void(absl::StatusOr<Token>)>;
  // Asks etcd for a token; calls its argument once, on any thread.
  using Authenticate = std::function<void(std::function<void(absl::StatusOr<std::string>)>)>;

  explicit EtcdLogin(Authenticate authenticate) : authenticate_(std::move(authenticate)) {}

  // A token of a login after number `refused`; 0: any. `done` may run before this returns.
  void Get(std::uint64_t refused, Done done);
  // The present token is of no use any more: the next caller logs in.
  void Forget();

 private:
  void Finish(absl::StatusOr<std::string> text);

  const Authenticate authenticate_;
  Mutex mutex_;
  Token token_ ABSL_GUARDED_BY(mutex_);
  bool has_token_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Done> waiting_ ABSL_GUARDED_BY(mutex_);  // for the login that is under way, if any
};

}  // namespace heddle::storage

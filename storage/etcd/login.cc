#include "storage/etcd/login.h"

#include <utility>

namespace heddle::storage {

void EtcdLogin::Get(std::uint64_t refused, Done done) {
  Token token;
  bool is_first = false;
  {
    MutexLock lock(&mutex_);
    if (has_token_ && token_.number == refused) has_token_ = false;
    if (has_token_) {
      token = token_;
    } else {
      is_first = waiting_.empty();
      waiting_.push_back(std::exchange(done, nullptr));
    }
  }
  if (done != nullptr) return done(std::move(token));
  if (is_first) {
    authenticate_([this](absl::StatusOr<std::string> text) { Finish(std::move(text)); });
  }
}

void EtcdLogin::Forget() {
  MutexLock lock(&mutex_);
  has_token_ = false;
}

void EtcdLogin::Finish(absl::StatusOr<std::string> text) {
  std::vector<Done> waiting;
  absl::StatusOr<Token> result = Token();
  {
    MutexLock lock(&mutex_);
    if (text.ok()) {
      token_ = {*std::move(text), token_.number + 1};
      has_token_ = true;
      result = token_;
    } else {
      result = text.status();
    }
    waiting.swap(waiting_);
  }
  for (Done& done : waiting) done(result);
}

}  // namespace heddle::storage

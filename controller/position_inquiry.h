// Asks the store where it stands, once for all who ask meanwhile. Thread-safe.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/store.h"

namespace heddle::controller {

class PositionInquiry {
 public:
  // Runs work on the thread that applies what the feed delivers, after what was delivered before.
  // Not OK: the work is dropped.
  using Post = std::function<absl::Status(std::function<void()> work)>;
  using Answer = std::function<void(const absl::StatusOr<storage::Position>& position)>;

  PositionInquiry(storage::Store* store, Post post);  // both outlive this
  ~PositionInquiry();                                 // answers no more

  // `answer` is called once, through `post` (on the store's thread when that refuses), with a
  // position that holds all that was committed before this call.
  void Ask(Answer answer);

 private:
  struct State;
  static void Begin(const std::shared_ptr<State>& state);
  static void Answered(const std::shared_ptr<State>& state,
                       const absl::StatusOr<storage::Position>& position);

  const std::shared_ptr<State> state_;  // the store's callbacks hold it weakly
};

}  // namespace heddle::controller

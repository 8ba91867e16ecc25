// How often one caller may call: no identity, and no address without one, takes the others' share.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/token_bucket.h"
#include "controller/caller.h"

namespace heddle::controller {

// A node attaches, and renews once in weeks: what it calls oftener for is a quarrel with another
// process of its identity, or a flood.
inline constexpr Rate kNodeCalls{20, 2};
inline constexpr Rate kPersonCalls{1000, 100};  // an administrator's script
// By remote address: nodes that join, perhaps a cluster of them behind one, and whoever else.
inline constexpr Rate kStrangerCalls{1000, 100};

// Thread-safe. Controllers are not limited: they pass on what was limited where it came in.
class CallRates {
 public:
  explicit CallRates(absl::Time now);

  // ResourceExhausted: too often; says who, and to try again later. `caller` is identified if it
  // can be; its remote address is as gRPC gives it.
  absl::Status Take(const Caller& caller, absl::Time now);

 private:
  Mutex mutex_;
  TokenBuckets nodes_ ABSL_GUARDED_BY(mutex_);
  TokenBuckets people_ ABSL_GUARDED_BY(mutex_);
  TokenBuckets strangers_ ABSL_GUARDED_BY(mutex_);
  TokenBucket logged_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller

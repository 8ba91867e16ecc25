// The subscribers of one engine: each is brought from its own position to the newest batch, in
// order and without a gap, from the change log when it is behind and from memory when it is not.
//
// An engine uses it from one thread at a time (its delivering thread); Add and the destruction of a
// subscription may come from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "storage/store.h"

namespace heddle::storage {

struct Batch {  // the changes of one transaction
  Revision revision = 0;
  std::vector<Change> changes;
};

// The committed batches that an engine still holds.
class ChangeLog {
 public:
  virtual ~ChangeLog() = default;
  // The oldest batch held; the next revision to come when none is.
  virtual Revision Oldest() const = 0;
  // Visits first..last in order. An error when one of them is missing or cannot be read.
  virtual absl::Status Read(Revision first, Revision last,
                            const std::function<void(const Batch&)>& visit) const = 0;
};

// Whether a feed that has reached `now` can be followed from `after`; else FailedPrecondition.
absl::Status CheckPosition(const Position& after, const Position& now);

class Subscriber;

class Feed {
 public:
  Feed() = default;
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // The returned subscription does not need the feed to be alive.
  std::unique_ptr<Subscription> Add(std::string prefix, Revision after, ChangeSink* sink);

  // Brings every subscriber to `last`. `fresh` are the newest batches, ending with `last`; it may
  // be empty, then all comes from the log.
  void Publish(const std::vector<Batch>& fresh, Revision last, const ChangeLog& log);

  // Ends every subscription: with OnEnd(why), or without a word as when a process dies.
  void EndAll(const absl::Status& why);
  void ForgetAll();

 private:
  std::vector<std::shared_ptr<Subscriber>> Live();
  std::vector<std::shared_ptr<Subscriber>> TakeAll();

  Mutex mutex_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;  // guarded by mutex_
};

}  // namespace heddle::storage

// A node without a kernel that stays attached, goes from one controller to the next, and checks
// what each tells it: never an older view, and the same peers at the same revision everywhere.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "controller/test_replica.h"
#include "tests/chaos/asking.h"

namespace heddle::chaos {

// What was said of each revision, by whomever. Thread-safe.
class SetHashes {
 public:
  // Fails the test when another hash was said before.
  void Add(const std::string& history, std::uint64_t revision, std::uint64_t hash,
           const std::string& who);
  // The histories that were heard of.
  std::size_t histories() const;

 private:
  struct Said {
    std::uint64_t hash;
    std::string who;
  };
  mutable Mutex mutex_;
  std::map<std::string, std::map<std::uint64_t, Said>> said_ ABSL_GUARDED_BY(mutex_);
};

class Observer {
 public:
  // Begins at once, on a thread of its own; its lease is written down like any other.
  Observer(int number, std::uint64_t seed, std::vector<Endpoint> controllers, SetHashes* hashes,
           Recorder* recorder);
  ~Observer();

  const std::string& node() const { return node_; }
  // From now on it stays with one controller.
  void StayWith(const std::string& controller);
  // Of the peers it has, and where they were confirmed last.
  struct Seen {
    std::string controller;
    std::uint64_t revision = 0, set_hash = 0;
    int snapshots = 0, attachments = 0;
  };
  Seen seen() const;

 private:
  using Stream = grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>;

  void Run();
  void AttachOnce(std::size_t choice);
  void Take(const Endpoint& controller, const v1::ControllerMessage& message, Stream* stream);
  void WriteDown(const Endpoint& controller, const v1::OwnLease* lease);

  const int number_;
  const std::string node_;
  const std::vector<Endpoint> controllers_;
  SetHashes* const hashes_;
  Recorder* const recorder_;
  std::mt19937_64 random_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;

  // The thread's.
  controller::TestReplica replica_;
  std::string history_;
  absl::Time asked_;
  std::string subnet_;

  std::atomic<bool> stopping_{false};
  mutable Mutex mutex_;
  std::string stay_with_ ABSL_GUARDED_BY(mutex_);
  Seen seen_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace heddle::chaos

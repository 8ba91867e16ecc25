// Several writers on one memory store, driven by hand, which forward to each other as over a wire.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "controller/leadership.h"
#include "controller/node_registry.h"
#include "controller/test_clock.h"
#include "controller/test_cut_store.h"
#include "controller/test_peers.h"
#include "controller/writer.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {

// One controller process. Destroying it is its death: what is on its way to it is lost.
class TestReplicas {
 public:
  struct Replica {
    explicit Replica(storage::Store* store) : store(store) {}
    ~Replica() {
      writer.reset();
      posted->clear();
    }
    CutStore store;
    WatchHub hub;
    NodeRegistry registry{absl::Seconds(15)};
    std::unique_ptr<Leadership> leadership;
    std::shared_ptr<std::deque<std::function<void()>>> posted =
        std::make_shared<std::deque<std::function<void()>>>();
    std::unique_ptr<Writer> writer;
  };

  ~TestReplicas() { replicas.clear(); }

  static storage::Member Member(std::size_t index) {
    return {absl::StrCat("c-", index), absl::StrCat("192.0.2.", index, ":7411"), "test"};
  }

  absl::Status Start(std::size_t index) {
    if (replicas.size() <= index) replicas.resize(index + 1);
    auto replica = std::make_unique<Replica>(&store);
    replica->leadership = std::make_unique<Leadership>(Member(index).id);
    Writer::Options options;
    options.self = Member(index);
    Writer::Wiring wiring;
    wiring.store = &replica->store;
    wiring.clock = &clock;
    wiring.hub = &replica->hub;
    // Weak: what waits there may itself hold what would post here.
    wiring.post = [posted = std::weak_ptr(replica->posted)](std::function<void()> item) {
      if (const auto alive = posted.lock()) alive->push_back(std::move(item));
    };
    wiring.registry = &replica->registry;
    wiring.leadership = replica->leadership.get();
    wiring.forward_acquire = [this](const storage::Member& leader, const AcquireRequest& request,
                                    std::function<void(absl::StatusOr<storage::Revision>)> done) {
      Forward(leader, request, std::move(done));
    };
    replica->writer = std::make_unique<Writer>(options, wiring);
    replicas[index] = std::move(replica);
    return replicas[index]->writer->Start();
  }
  void Kill(std::size_t index) { replicas[index] = nullptr; }

  Writer& writer(std::size_t index) { return *replicas[index]->writer; }

  // Works off what waits. False when nothing did.
  bool RunOne(std::size_t index) {
    if (index >= replicas.size() || replicas[index] == nullptr) return false;
    auto& posted = *replicas[index]->posted;
    if (posted.empty()) return false;
    const auto item = std::move(posted.front());
    posted.pop_front();
    item();
    return true;
  }
  void Run() {
    for (bool ran = true; ran;) {
      ran = false;
      for (std::size_t i = 0; i < replicas.size(); ++i) {
        while (RunOne(i)) ran = true;
      }
    }
  }
  void RunAll() {
    do {
      Run();
    } while (store.Step() || Waits());
  }
  void Pass(absl::Duration duration) {
    clock.now += duration;
    for (const auto& replica : replicas) {
      if (replica != nullptr) replica->writer->Tick();
    }
    Run();
  }

  int forwarded = 0;
  TestClock clock;
  storage::MemoryStore store;
  std::vector<std::unique_ptr<Replica>> replicas;

 private:
  // Fails when the process that has it dies.
  class Call {
   public:
    using Done = std::function<void(absl::StatusOr<storage::Revision>)>;
    explicit Call(Done done) : done_(std::move(done)) {}
    ~Call() { Answer(absl::UnavailableError("the connection was lost")); }
    void Answer(absl::StatusOr<storage::Revision> answer) {
      if (const Done done = std::exchange(done_, nullptr)) done(std::move(answer));
    }

   private:
    Done done_;
  };

  bool Waits() const {
    for (const auto& replica : replicas) {
      if (replica != nullptr && !replica->posted->empty()) return true;
    }
    return false;
  }

  void Forward(const storage::Member& leader, const AcquireRequest& request,
               std::function<void(absl::StatusOr<storage::Revision>)> done) {
    ++forwarded;
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      if (Member(i).id != leader.id || replicas[i] == nullptr) continue;
      auto call = std::make_shared<Call>(std::move(done));
      replicas[i]->posted->push_back([writer = replicas[i]->writer.get(), request, call] {
        writer->AcquireHere(request, [call](const absl::StatusOr<LeaseGrant>& grant) {
          if (grant.ok()) {
            call->Answer(grant->lease.modified);
          } else {
            call->Answer(grant.status());
          }
        });
      });
      return;
    }
    done(absl::UnavailableError("the leader cannot be reached"));
  }
};

}  // namespace heddle::controller

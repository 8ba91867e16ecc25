// A writer on a memory store, driven by hand: what the store says runs when a test says Run.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/node_registry.h"
#include "controller/test_clock.h"
#include "controller/test_cut_store.h"
#include "controller/test_peers.h"
#include "controller/writer.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {

class WriterTest : public ::testing::Test {
 protected:
  ~WriterTest() override {
    writer_.reset();
    posted_.clear();
  }

  void Start(Writer::Options options = {}) {
    Writer::Wiring wiring;
    wiring.store = &cut_;
    wiring.clock = &clock_;
    wiring.hub = &hub_;
    wiring.post = [this](std::function<void()> item) { posted_.push_back(std::move(item)); };
    wiring.alive = [this] { return alive_; };
    wiring.registry = &registry_;
    wiring.revoked = [this](const std::vector<std::string>& serials) {
      revoked_.insert(revoked_.end(), serials.begin(), serials.end());
    };
    writer_ = std::make_unique<Writer>(options, wiring);
    ASSERT_TRUE(writer_->Start().ok());
    Run();
  }
  void StartWithNetwork(Writer::Options options = {}) {
    Start(options);
    ASSERT_TRUE(SetNetwork(R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})").ok());
  }
  // A new process on the same store.
  void Restart(Writer::Options options = {}) {
    writer_.reset();
    posted_.clear();
    Start(options);
  }

  void Run() {
    while (!posted_.empty()) {
      auto item = std::move(posted_.front());
      posted_.pop_front();
      item();
    }
    ASSERT_TRUE(writer_->book().CheckInvariants().ok()) << writer_->book().CheckInvariants();
    const absl::Status certificates = writer_->certificates().CheckInvariants();
    ASSERT_TRUE(certificates.ok()) << certificates;
  }

  absl::StatusOr<Committed> SetNetwork(const std::string& json) {
    absl::StatusOr<Committed> answer = absl::InternalError("no answer");
    writer_->SetNetwork(TestNetwork(json), json,
                        [&](absl::StatusOr<Committed> result) { answer = std::move(result); });
    Run();
    return answer;
  }
  absl::StatusOr<LeaseGrant> Acquire(int number, std::vector<Prefix> preferred = {}) {
    absl::StatusOr<LeaseGrant> answer = absl::InternalError("no answer");
    writer_->Acquire({absl::StrCat("node-", number), TestAdvertisement(number), preferred},
                     [&](absl::StatusOr<LeaseGrant> result) { answer = std::move(result); });
    Run();
    return answer;
  }
  absl::StatusOr<Committed> Release(const std::string& id) {
    absl::StatusOr<Committed> answer = absl::InternalError("no answer");
    writer_->Release(id, [&](absl::StatusOr<Committed> result) { answer = std::move(result); });
    Run();
    return answer;
  }
  void Pass(absl::Duration duration) {
    clock_.now += duration;
    writer_->Tick();
    Run();
  }
  static std::string SubnetOf(const absl::StatusOr<LeaseGrant>& grant) {
    return grant.ok() ? grant->lease.subnets[Family::kV4]->ToString() : grant.status().ToString();
  }

  TestClock clock_;
  storage::MemoryStore store_;
  CutStore cut_{&store_};
  WatchHub hub_;
  std::deque<std::function<void()>> posted_;
  absl::flat_hash_set<std::string> alive_;
  NodeRegistry registry_{absl::Seconds(15)};
  std::vector<std::string> revoked_;  // as told
  std::unique_ptr<Writer> writer_;
};

}  // namespace heddle::controller

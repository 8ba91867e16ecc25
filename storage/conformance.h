// The suite that every engine passes: the contract of storage/store.h as tests.
//
// An engine's own test links //storage:conformance and says
//   INSTANTIATE_TEST_SUITE_P(Name, StoreConformance, testing::Values(EngineFactory(...)));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "storage/store.h"
#include "storage/test_sinks.h"

namespace heddle::storage {

// One store with nothing in it, and the ways to close and open it. Tests destroy subscriptions and
// candidacies before they reopen.
class EngineUnderTest {
 public:
  virtual ~EngineUnderTest() = default;
  virtual Store& store() = 0;
  virtual void Reopen() = 0;            // closed in order
  virtual void ReopenAfterCrash() = 0;  // as if the process had been killed now
};

using EngineFactory = std::function<std::unique_ptr<EngineUnderTest>()>;

class StoreConformance : public testing::TestWithParam<EngineFactory> {
 protected:
  StoreConformance() : engine_(GetParam()()) {}

  Store& store() { return engine_->store(); }
  EngineUnderTest& engine() { return *engine_; }
  Position Now() { return store().Describe().position; }
  // The position after a commit that puts `key`.
  Position MustPut(const std::string& key, const std::string& value);
  std::optional<Record> MustGet(const std::string& key);
  // All records under `prefix`, in pages of `limit`.
  std::vector<Record> MustList(const std::string& prefix, std::size_t limit = 100);

 private:
  std::unique_ptr<EngineUnderTest> engine_;
};

}  // namespace heddle::storage

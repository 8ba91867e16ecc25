// What every engine refuses, so that a deployment can change engines without surprises.
#include "absl/strings/str_cat.h"
#include "storage/conformance.h"

namespace heddle::storage {
namespace {

class Refusal {
 public:
  Refusal(Store& store, Transaction transaction)
      : before_(store.Describe().position.revision),
        answer_(CommitAndWait(store, std::move(transaction))),
        after_(store.Describe().position.revision) {}
  bool complete() const { return absl::IsInvalidArgument(answer_.status()) && before_ == after_; }
  const absl::Status& status() const { return answer_.status(); }

 private:
  Revision before_;
  absl::StatusOr<Outcome> answer_;
  Revision after_;
};

Transaction ManyWrites(std::size_t count) {
  Transaction transaction;
  for (std::size_t i = 0; i < count; ++i) {
    transaction.writes.push_back(Put(absl::StrCat("k", i), "v"));
  }
  return transaction;
}

Transaction ManyGuards(std::size_t count) {
  Transaction transaction{{}, {}, {Put("k", "v")}};
  for (std::size_t i = 0; i < count; ++i) {
    transaction.guards.push_back(Absent(absl::StrCat("g", i)));
  }
  return transaction;
}

TEST_P(StoreConformance, LimitsAreEnforcedAndTheirEdgeIsAllowed) {
  const Limits limits;
  EXPECT_TRUE(CommitAndWait(store(), ManyWrites(limits.max_writes)).ok());
  EXPECT_TRUE(Refusal(store(), ManyWrites(limits.max_writes + 1)).complete());
  EXPECT_TRUE(CommitAndWait(store(), ManyGuards(limits.max_guards)).ok());
  EXPECT_TRUE(Refusal(store(), ManyGuards(limits.max_guards + 1)).complete());

  const std::string largest(limits.max_transaction_bytes - 1, 'x');
  EXPECT_TRUE(CommitAndWait(store(), {{}, {}, {Put("b", largest)}}).ok());
  EXPECT_TRUE(Refusal(store(), {{}, {}, {Put("b", largest + "x")}}).complete());
}

TEST_P(StoreConformance, AKeyTwiceOrEmptyIsRefused) {
  const Refusal twice(store(), {{}, {}, {Put("the-key", "1"), Delete("the-key")}});
  EXPECT_TRUE(twice.complete());
  EXPECT_NE(twice.status().message().find("the-key"), absl::string_view::npos) << twice.status();
  EXPECT_TRUE(Refusal(store(), {{}, {}, {Put("", "1")}}).complete());
  EXPECT_TRUE(Refusal(store(), {{}, {Absent("")}, {Put("k", "1")}}).complete());
}

}  // namespace
}  // namespace heddle::storage

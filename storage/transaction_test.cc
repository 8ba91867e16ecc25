#include "storage/transaction.h"

#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

class Unreadable final : public RecordView {
 public:
  absl::StatusOr<std::optional<Record>> Find(absl::string_view) const override {
    return absl::DataLossError("a block is damaged");
  }
  absl::StatusOr<std::optional<Record>> FirstUnder(absl::string_view) const override {
    return absl::DataLossError("a block is damaged");
  }
};

TEST(Evaluate, ARecordThatCannotBeReadIsNeverTakenForAbsent) {
  const Unreadable records;
  Transaction guarded;
  guarded.guards.push_back({Guard::Kind::kAbsent, "k", 0});
  EXPECT_TRUE(absl::IsDataLoss(Evaluate(guarded, {}, 1, records).status()));
  guarded.guards[0].kind = Guard::Kind::kPrefixEmpty;
  EXPECT_TRUE(absl::IsDataLoss(Evaluate(guarded, {}, 1, records).status()));
  Transaction write;
  write.writes.push_back({Write::Kind::kPut, "k", "v"});
  EXPECT_TRUE(absl::IsDataLoss(Evaluate(write, {}, 1, records).status()));
}

TEST(Evaluate, AFenceIsJudgedBeforeAnythingIsRead) {
  Transaction fenced;
  fenced.fence = Fence(1, "old");
  fenced.guards.push_back({Guard::Kind::kAbsent, "k", 0});
  const auto verdict = Evaluate(fenced, Fence(2, "new"), 1, Unreadable());
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->kind, Outcome::Kind::kFenced);
  EXPECT_EQ(Evaluate(fenced, {}, 1, Unreadable())->kind, Outcome::Kind::kFenced);
}

}  // namespace
}  // namespace heddle::storage

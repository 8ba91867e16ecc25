// A writer whose store is restored: refusals while it is torn, what is given while it settles.
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "controller/keys.h"
#include "controller/writer_fixture.h"
#include "storage/test_sinks.h"

namespace heddle::controller {
namespace {

class WriterRestoreTest : public WriterTest {
 protected:
  absl::StatusOr<Writer::RestoreBegun> Mark() {
    absl::StatusOr<Writer::RestoreBegun> answer = absl::InternalError("no answer");
    writer_->MarkRestore(
        {"old", 7}, [&](absl::StatusOr<Writer::RestoreBegun> begun) { answer = std::move(begun); });
    Run();
    return answer;
  }
  // As the process does: the store begins a new history, and the writer anew.
  void BeginNewHistory() {
    ASSERT_TRUE(store_.StartNewHistory().ok());
    Run();
    EXPECT_FALSE(writer_->failure().ok());
    clock_.now = absl::Now();
    Restart();
  }
  void Report(int number) {
    const std::string id = absl::StrCat("node-", number);
    const auto attached = registry_.Attach({id, "i", "", "", {}, false}, clock_.now);
    NodeReport report;
    report.applied_revision = hub_.head();
    registry_.Report(id, attached->attachment, report, clock_.now);
  }
  bool Has(const char* key) {
    return store_.Get(key, storage::Store::Consistency::kLocal)->has_value();
  }
};

TEST_F(WriterRestoreTest, WhileARestoreRunsNothingElseIsChangedOrServed) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  const storage::Revision head = hub_.head();
  const auto begun = Mark();
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_EQ(begun->history, hub_.history());

  EXPECT_TRUE(absl::IsFailedPrecondition(Acquire(2).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Release("node-1").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      SetNetwork(R"({"Network":"10.0.0.0/8","Backend":{"Type":"vxlan"}})").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(hub_.serving()));
  ASSERT_TRUE(storage::CommitAndWait(store_, {begun->fence,
                                              {storage::ModifiedAt(kRestoreKey, begun->modified)},
                                              {storage::Delete(NodeKey("node-1"))}})
                  .ok());
  posted_.clear();  // the book is between two states, which CheckInvariants does not take
  EXPECT_EQ(hub_.head(), head) << "nodes hear nothing of it";
}

TEST_F(WriterRestoreTest, AnInterruptedRestoreStaysInterruptedUntilItIsRunAgain) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(Mark().ok());
  Restart();
  EXPECT_TRUE(writer_->is_torn());
  const absl::Status refused = Acquire(1).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "heddlectl restore")) << refused;
  EXPECT_TRUE(absl::IsFailedPrecondition(hub_.serving()));
  EXPECT_TRUE(Mark().ok());
  BeginNewHistory();
  EXPECT_FALSE(writer_->is_torn());
}

TEST_F(WriterRestoreTest, ARestoreThatOvertookAnotherVoidsIt) {
  StartWithNetwork();
  const auto first = Mark();
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(Mark().ok());
  const auto late = storage::CommitAndWait(
      store_, {first->fence, {storage::ModifiedAt(kRestoreKey, first->modified)}, {}});
  EXPECT_EQ(late->kind, storage::Outcome::Kind::kGuardFailed);
}

TEST_F(WriterRestoreTest, WhileItSettlesNodesKeepWhatTheyHaveAndNewOnesWait) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(Mark().ok());
  BeginNewHistory();
  ASSERT_TRUE(writer_->settling());
  EXPECT_TRUE(hub_.settling());
  EXPECT_EQ(SubnetOf(Acquire(1, {*Prefix::Parse("10.244.1.0/24")})), "10.244.1.0/24");
  EXPECT_EQ(SubnetOf(Acquire(9, {*Prefix::Parse("10.244.7.0/24")})), "10.244.7.0/24")
      << "leased after the backup";
  EXPECT_TRUE(absl::IsFailedPrecondition(Acquire(3).status()));

  Pass(absl::Minutes(2) - absl::Seconds(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(Acquire(3).status()));
  EXPECT_FALSE(Has(kSettledKey));
  Pass(absl::Seconds(2));
  EXPECT_FALSE(writer_->settling());
  EXPECT_FALSE(hub_.settling());
  EXPECT_EQ(SubnetOf(Acquire(3)), "10.244.2.0/24");
  EXPECT_TRUE(Has(kSettledKey));
  EXPECT_FALSE(Has(kRestoreKey));
  Restart();
  EXPECT_FALSE(writer_->settling()) << "it has settled";
}

TEST_F(WriterRestoreTest, ItHasSettledWhenAllKnownNodesAreBack) {
  StartWithNetwork();
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(Acquire(2).ok());
  ASSERT_TRUE(Mark().ok());
  // The backup does not know the second.
  ASSERT_TRUE(storage::CommitAndWait(store_, {{},
                                              {},
                                              {storage::Delete(NodeKey("node-2")),
                                               storage::Delete("net/_/subnet/10.244.2.0-24")}})
                  .ok());
  BeginNewHistory();
  ASSERT_TRUE(writer_->settling());
  EXPECT_EQ(writer_->settling()->missing, 2u);
  Report(1);
  Pass(absl::Seconds(31));
  ASSERT_TRUE(writer_->settling());
  EXPECT_EQ(writer_->settling()->missing_node_ids, std::vector<std::string>{"node-2"});
  Report(2);
  Pass(absl::Seconds(1));
  EXPECT_FALSE(writer_->settling());
}

TEST_F(WriterRestoreTest, NoLeaseEndsWhileItSettlesNorSoonAfter) {
  Writer::Options options;
  options.policy.ttl = absl::Seconds(40);
  options.policy.rest = absl::ZeroDuration();
  StartWithNetwork(options);
  ASSERT_TRUE(Acquire(1).ok());
  ASSERT_TRUE(store_.StartNewHistory().ok());
  posted_.clear();
  clock_.now = absl::Now();
  Restart(options);
  for (int i = 0; i < 15; ++i) Pass(absl::Seconds(10));
  EXPECT_FALSE(writer_->settling());
  EXPECT_NE(writer_->book().Find("node-1"), nullptr);
  for (int i = 0; i < 4; ++i) Pass(absl::Seconds(10));
  EXPECT_EQ(writer_->book().Find("node-1"), nullptr);
}

}  // namespace
}  // namespace heddle::controller

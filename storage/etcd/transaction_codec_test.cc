#include "storage/etcd/transaction_codec.h"

#include "gtest/gtest.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

const Fence kFence(40, "00000000000000ff");

class TransactionCodec : public testing::Test {
 protected:
  absl::StatusOr<Answer> Decode(const Transaction& transaction, const TxnResponse& response) const {
    return DecodeAnswer(keys_, transaction, 7, response);
  }
  // A refusal in which nothing is wrong: each guarded key is absent, history and leader as they
  // were.
  static TxnResponse Refusal(const Transaction& transaction) {
    TxnResponse response;
    response.mutable_header()->set_revision(99);
    for (std::size_t i = 0; i < transaction.guards.size(); ++i) {
      response.add_responses()->mutable_response_range();
    }
    AddKv(&response, "/h/history")->set_mod_revision(7);
    if (transaction.fence) {
      auto* leader = AddKv(&response, "/h/leader");
      leader->set_create_revision(40);
      leader->set_lease(255);
    }
    return response;
  }
  static etcdserverpb::KeyValue* AddKv(TxnResponse* response, const std::string& key) {
    auto* kv = response->add_responses()->mutable_response_range()->add_kvs();
    kv->set_key(key);
    return kv;
  }

  const EtcdKeys keys_{"/h/"};
};

TEST_F(TransactionCodec, GuardsHistoryAndFenceAreCompares) {
  const TxnRequest request =
      EncodeTransaction(keys_,
                        {kFence,
                         {Absent("a"), CreatedAt("b", 5), ModifiedAt("c", 6), PrefixEmpty("d/")},
                         {Put("k", "v"), Delete("l")}},
                        7);
  ASSERT_EQ(request.compare_size(), 7);
  EXPECT_EQ(request.compare(0).key(), "/h/data/a");
  EXPECT_EQ(request.compare(0).target(), 1);
  EXPECT_EQ(request.compare(0).create_revision(), 0);
  EXPECT_TRUE(request.compare(0).range_end().empty());
  EXPECT_EQ(request.compare(1).create_revision(), 5);
  EXPECT_EQ(request.compare(2).target(), 2);
  EXPECT_EQ(request.compare(2).mod_revision(), 6);
  EXPECT_EQ(request.compare(3).key(), "/h/data/d/");
  EXPECT_EQ(request.compare(3).range_end(), "/h/data/d0");
  EXPECT_EQ(request.compare(4).key(), "/h/history");
  EXPECT_EQ(request.compare(4).mod_revision(), 7);
  EXPECT_EQ(request.compare(5).key(), "/h/leader");
  EXPECT_EQ(request.compare(5).create_revision(), 40);
  EXPECT_EQ(request.compare(6).target(), 4);
  EXPECT_EQ(request.compare(6).lease(), 255);
  for (const auto& compare : request.compare()) EXPECT_EQ(compare.result(), 0);

  ASSERT_EQ(request.success_size(), 2);
  EXPECT_EQ(request.success(0).request_put().key(), "/h/data/k");
  EXPECT_EQ(request.success(0).request_put().value(), "v");
  EXPECT_EQ(request.success(1).request_delete_range().key(), "/h/data/l");
  EXPECT_TRUE(request.success(1).request_delete_range().range_end().empty());
  ASSERT_EQ(request.failure_size(), 6);
  EXPECT_EQ(request.failure(3).request_range().range_end(), "/h/data/d0");
  EXPECT_EQ(request.failure(3).request_range().limit(), 1);
  EXPECT_EQ(request.failure(4).request_range().key(), "/h/history");
  EXPECT_EQ(request.failure(5).request_range().key(), "/h/leader");
}

TEST_F(TransactionCodec, ATokenThatIsNoLeaseNeverMatches) {
  for (const char* token : {"forged", "", "-0000000000000ff", "zzzzzzzzzzzzzzzz", "ff"}) {
    const TxnRequest request = EncodeTransaction(keys_, {Fence(40, token), {}, {}}, 7);
    EXPECT_LT(request.compare(2).lease(), 0) << token;
  }
}

TEST_F(TransactionCodec, AnAppliedTransactionHasItsChanges) {
  const Transaction transaction{{}, {}, {Put("k", "v"), Delete("l"), Delete("absent")}};
  TxnResponse response;
  response.mutable_header()->set_revision(12);
  response.set_succeeded(true);
  response.add_responses()->mutable_response_put();
  response.add_responses()->mutable_response_delete_range()->set_deleted(1);
  response.add_responses()->mutable_response_delete_range();
  const auto answer = Decode(transaction, response);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->kind, Outcome::Kind::kApplied);
  EXPECT_EQ(answer->revision, 12u);
  ASSERT_EQ(answer->changes.size(), 2u);
  EXPECT_EQ(answer->changes[0].record.key, "k");
  EXPECT_EQ(answer->changes[0].record.value, "v");
  EXPECT_EQ(answer->changes[0].record.modified, 12u);
  EXPECT_EQ(answer->changes[1].record.key, "l");
  EXPECT_TRUE(answer->changes[1].deleted);
}

TEST_F(TransactionCodec, ARefusalSaysWhichOfThemItWas) {
  const Transaction transaction{kFence, {Absent("a"), Absent("b")}, {Put("k", "v")}};
  TxnResponse guard = Refusal(transaction);
  auto* taken = guard.mutable_responses(1)->mutable_response_range()->add_kvs();
  taken->set_key("/h/data/b");
  taken->set_value("theirs");
  taken->set_create_revision(3);
  taken->set_mod_revision(4);
  const auto refused = Decode(transaction, guard);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->kind, Outcome::Kind::kGuardFailed);
  EXPECT_EQ(refused->revision, 99u);
  ASSERT_EQ(refused->current.size(), 1u);
  EXPECT_EQ(refused->current[0].key, "b");
  EXPECT_EQ(refused->current[0].value, "theirs");
  EXPECT_EQ(refused->current[0].created, 3u);
  EXPECT_EQ(refused->current[0].modified, 4u);

  TxnResponse another = Refusal(transaction);
  another.mutable_responses(2)->mutable_response_range()->mutable_kvs(0)->set_mod_revision(8);
  EXPECT_TRUE(absl::IsUnavailable(Decode(transaction, another).status()));
  another.mutable_responses(2)->mutable_response_range()->clear_kvs();
  EXPECT_TRUE(absl::IsUnavailable(Decode(transaction, another).status()));

  TxnResponse fenced = Refusal(transaction);
  auto* leader = fenced.mutable_responses(3)->mutable_response_range();
  leader->mutable_kvs(0)->set_create_revision(41);
  EXPECT_EQ(Decode(transaction, fenced)->kind, Outcome::Kind::kFenced);
  leader->mutable_kvs(0)->set_create_revision(40);
  leader->mutable_kvs(0)->set_lease(1);
  EXPECT_EQ(Decode(transaction, fenced)->kind, Outcome::Kind::kFenced);
  leader->clear_kvs();
  EXPECT_EQ(Decode(transaction, fenced)->kind, Outcome::Kind::kFenced);
}

TEST_F(TransactionCodec, AnAnswerThatDoesNotFitIsUnknown) {
  const Transaction transaction{kFence, {Absent("a")}, {Put("k", "v")}};
  TxnResponse succeeded;
  succeeded.set_succeeded(true);
  EXPECT_TRUE(absl::IsUnknown(Decode(transaction, succeeded).status()));
  succeeded.add_responses()->mutable_response_range();
  EXPECT_TRUE(absl::IsUnknown(Decode(transaction, succeeded).status()));
  EXPECT_TRUE(absl::IsUnknown(Decode(transaction, TxnResponse()).status()));
  TxnResponse puts;
  for (int i = 0; i < 3; ++i) puts.add_responses()->mutable_response_put();
  EXPECT_TRUE(absl::IsUnknown(Decode(transaction, puts).status()));
  TxnResponse foreign = Refusal(transaction);
  foreign.mutable_responses(0)->mutable_response_range()->add_kvs()->set_key("/other/a");
  EXPECT_TRUE(absl::IsUnknown(Decode(transaction, foreign).status()));
}

TEST(EtcdKeys, APrefixEndsBehindItsLastKey) {
  EXPECT_EQ(PrefixEnd("/a/"), "/a0");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff"), std::string(1, '\0'));
  EXPECT_EQ(PrefixEnd(""), std::string(1, '\0'));
}

TEST(EtcdKeys, EachKeyHasItsKind) {
  const EtcdKeys keys("/h/");
  using Kind = EtcdKeys::Kind;
  EXPECT_EQ(keys.Parse("/h/data/a/b").kind, Kind::kRecord);
  EXPECT_EQ(keys.Parse("/h/data/a/b").rest, "a/b");
  EXPECT_EQ(keys.Parse("/h/member/x").kind, Kind::kMember);
  EXPECT_EQ(keys.Parse("/h/member/x").rest, "x");
  EXPECT_EQ(keys.Parse("/h/leader").kind, Kind::kLeader);
  EXPECT_EQ(keys.Parse("/h/history").kind, Kind::kHistory);
  EXPECT_EQ(keys.Parse("/h/barrier").kind, Kind::kBarrier);
  EXPECT_EQ(keys.Parse("/h/leader2").kind, Kind::kForeign);
  EXPECT_EQ(keys.Parse("/other").kind, Kind::kForeign);
}

TEST(EtcdKeys, AHistoryIsReadBack) {
  const History history{"id", absl::FromUnixMillis(1234), true};
  const auto decoded = DecodeHistory(EncodeHistory(history));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->id, "id");
  EXPECT_EQ(decoded->began, history.began);
  EXPECT_TRUE(decoded->restored);
  EXPECT_TRUE(absl::IsDataLoss(DecodeHistory("").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeHistory("\xff\xff").status()));
}

}  // namespace
}  // namespace heddle::storage

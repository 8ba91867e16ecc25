// The client with real members of etcd.
#include "storage/etcd/client.h"

#include "absl/strings/match.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/test_calls.h"
#include "storage/etcd/test_cluster.h"

namespace heddle::storage {
namespace {

namespace pb = etcdserverpb;

struct Watcher {
  explicit Watcher(EtcdClient* client, const std::string& key) {
    stream = client->Watch({[this](const pb::WatchResponse& response) {
                              is_open = is_open || response.created();
                              is_canceled = is_canceled || response.canceled();
                              events += response.events_size();
                            },
                            [this](const absl::Status& why) { ended.set_value(why); }});
    pb::WatchRequest request;
    request.mutable_create_request()->set_key(key);
    stream->Write(std::move(request));
  }

  std::atomic<bool> is_open{false}, is_canceled{false};
  std::atomic<int> events{0};
  std::promise<absl::Status> ended;
  std::unique_ptr<EtcdClient::WatchStream> stream;
};

class EtcdClientTest : public ::testing::Test {
 protected:
  void Start(EtcdTestCluster::Options options) {
    auto cluster = EtcdTestCluster::Start(std::move(options));
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    options_.endpoints = cluster_->endpoints();
    options_.call_timeout = absl::Seconds(1);
  }
  void StartMembers(int members) {
    EtcdTestCluster::Options options;
    options.members = members;
    Start(std::move(options));
  }
  void Connect() {
    auto client = EtcdClient::Create(options_);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  void UseFiles() {
    options_.ca_file = cluster_->files().ca;
    options_.certificate_file = cluster_->files().certificate;
    options_.key_file = cluster_->files().key;
  }
  // A user "heddle" that has all of /heddle/ and nothing else, and authentication on.
  void EnableAuthentication() {
    const std::vector<std::vector<std::string>> steps = {
        {"user", "add", "root:root"},
        {"user", "grant-role", "root", "root"},
        {"user", "add", "heddle:secret"},
        {"role", "add", "heddle"},
        {"role", "grant-permission", "heddle", "readwrite", "--prefix=true", "/heddle/"},
        {"user", "grant-role", "heddle", "heddle"},
        {"auth", "enable"}};
    for (const std::vector<std::string>& step : steps) {
      const auto done = cluster_->Etcdctl(step);
      ASSERT_TRUE(done.ok()) << done.status();
    }
  }

  absl::StatusOr<pb::RangeResponse> Range(const std::string& key, std::int64_t revision = 0) {
    pb::RangeRequest request;
    request.set_key(key);
    request.set_revision(revision);
    return Ask<pb::RangeResponse>([&](auto done) { client_->Range(request, std::move(done)); });
  }
  absl::StatusOr<pb::PutResponse> Put(const std::string& key, const std::string& value) {
    pb::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    return Ask<pb::PutResponse>([&](auto done) { client_->Put(request, std::move(done)); });
  }
  // Puts `key` if it is absent.
  absl::StatusOr<pb::TxnResponse> Create(const std::string& key) {
    pb::TxnRequest request;
    pb::Compare* const absent = request.add_compare();
    absent->set_target(1);
    absent->set_key(key);
    absent->set_create_revision(0);
    request.add_success()->mutable_request_put()->set_key(key);
    return Ask<pb::TxnResponse>([&](auto done) { client_->Txn(request, std::move(done)); });
  }
  bool WatchOpens() {
    Watcher watcher(client_.get(), "/heddle/k");
    return Eventually(absl::Seconds(10), [&] { return watcher.is_open.load(); });
  }

  std::unique_ptr<EtcdTestCluster> cluster_;
  EtcdOptions options_;
  std::unique_ptr<EtcdClient> client_;
};

TEST_F(EtcdClientTest, AMemberThatIsKilledLosesNothingThatWasAcknowledged) {
  StartMembers(3);
  Connect();
  std::vector<std::string> acknowledged;
  const absl::Time end = absl::Now() + absl::Seconds(6);
  int unknown_of_dead = 0;
  for (int i = 0; absl::Now() < end; ++i) {
    if (i == 50) cluster_->Kill(0);  // the one that serves
    const std::string key = absl::StrCat("/heddle/", i);
    const auto created = Create(key);
    if (created.ok()) {
      EXPECT_TRUE(created->succeeded()) << key;  // never applied twice
      acknowledged.push_back(key);
    } else {
      unknown_of_dead += absl::IsUnknown(created.status()) &&
                         absl::StrContains(created.status().message(), cluster_->endpoint(0));
      EXPECT_TRUE(absl::IsUnknown(created.status()) || absl::IsUnavailable(created.status()))
          << created.status();
    }
    if (i > 50) absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_LE(unknown_of_dead, 2) << "a dead member was asked again and again";
  EXPECT_GT(acknowledged.size(), 51u);
  for (const std::string& key : acknowledged) {
    const auto read = Range(key);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->kvs_size(), 1) << key;
  }
}

TEST_F(EtcdClientTest, AMemberThatIsPausedIsLeftAndItsWatchEnds) {
  StartMembers(3);
  Connect();
  Watcher former(client_.get(), "/heddle/k");
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return former.is_open.load(); }));
  cluster_->Pause(0);
  const absl::Time before = absl::Now();
  auto put = Put("/heddle/k", "1");
  // The time of one call, and an election when the paused one was the leader.
  ASSERT_TRUE(Eventually(absl::Seconds(20), [&] {
    return put.ok() || (put = Put("/heddle/k", "1")).ok();
  })) << put.status();
  RecordProperty("fail_over_ms", static_cast<int>((absl::Now() - before) / absl::Milliseconds(1)));
  auto ended = former.ended.get_future();
  ASSERT_EQ(ended.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_TRUE(absl::IsUnavailable(ended.get()));
  Watcher next(client_.get(), "/heddle/k");
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return next.is_open.load(); }));
  ASSERT_TRUE(Put("/heddle/k", "2").ok());
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return next.events > 0; }));
  cluster_->Continue(0);
}

TEST_F(EtcdClientTest, EtcdsRefusalsSayWhatToDo) {
  EtcdTestCluster::Options with_little_space;
  with_little_space.more_arguments = {"--quota-backend-bytes=3000000"};
  Start(with_little_space);
  Connect();
  ASSERT_TRUE(Put("k", "1").ok());
  ASSERT_TRUE(Put("k", "2").ok());
  ASSERT_TRUE(cluster_->Etcdctl({"compact", "3"}).ok());
  EXPECT_TRUE(absl::IsOutOfRange(Range("k", 2).status())) << Range("k", 2).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(Range("k", 99).status())) << Range("k", 99).status();
  for (const std::size_t size : {2u << 20, 4u << 20}) {
    const absl::Status large = Put("k", std::string(size, 'x')).status();
    EXPECT_TRUE(absl::IsInvalidArgument(large)) << large;
    EXPECT_TRUE(absl::StrContains(large.message(), "--max-request-bytes")) << large;
  }
  pb::TxnRequest many;
  for (int i = 0; i < 129; ++i) {
    many.add_success()->mutable_request_put()->set_key(absl::StrCat(i));
  }
  const absl::Status refused =
      Ask<pb::TxnResponse>([&](auto done) { client_->Txn(many, std::move(done)); }).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  pb::LeaseRevokeRequest revoke;
  revoke.set_id(42);
  const absl::Status no_lease = Ask<pb::LeaseRevokeResponse>([&](auto done) {
                                  client_->LeaseRevoke(revoke, std::move(done));
                                }).status();
  EXPECT_TRUE(absl::IsNotFound(no_lease)) << no_lease;
  absl::Status full;
  for (int i = 0; full.ok() && i < 50; ++i) {
    full = Put("k", std::string(1 << 20, 'x')).status();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_TRUE(absl::StrContains(full.message(), "NOSPACE")) << full;
  EXPECT_TRUE(absl::IsResourceExhausted(Create("new").status()));  // surely not applied
}

TEST_F(EtcdClientTest, TlsProvesBothSides) {
  EtcdTestCluster::Options with_tls;
  with_tls.with_tls = true;
  Start(with_tls);
  UseFiles();
  Connect();
  const auto put = Put("k", "v");
  EXPECT_TRUE(put.ok()) << put.status();
  options_.certificate_file.clear();
  options_.key_file.clear();
  Connect();
  EXPECT_TRUE(absl::IsUnavailable(Put("k", "v").status())) << Put("k", "v").status();
  options_.ca_file.clear();
  Connect();
  EXPECT_TRUE(absl::IsUnavailable(Put("k", "v").status()));
}

TEST_F(EtcdClientTest, TheCertificatesCommonNameIsTheUser) {
  EtcdTestCluster::Options with_tls;
  with_tls.with_tls = true;
  Start(with_tls);
  EnableAuthentication();
  UseFiles();
  Connect();
  const auto created = Create("/heddle/k");
  EXPECT_TRUE(created.ok()) << created.status();
  const absl::Status denied = Range("/other/k").status();
  EXPECT_TRUE(absl::IsPermissionDenied(denied)) << denied;
  EXPECT_TRUE(absl::StrContains(denied.message(), "\"heddle\" (the common name of ")) << denied;
  Watcher watcher(client_.get(), "/other/k");
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return watcher.is_canceled.load(); }));
}

TEST_F(EtcdClientTest, APasswordsTokenIsRenewedWhenEtcdHasForgottenIt) {
  StartMembers(1);
  EnableAuthentication();
  options_.user = "heddle";
  options_.password_file = cluster_->folder() + "/password";
  ASSERT_TRUE(WriteFileAtomically(options_.password_file, "secret\n", 0600).ok());
  Connect();
  const auto put = Put("/heddle/k", "1");
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_TRUE(WatchOpens());
  EXPECT_TRUE(absl::IsPermissionDenied(Put("/other/k", "1").status()));

  cluster_->Kill(0);
  ASSERT_TRUE(cluster_->Restart(0).ok());
  absl::Status last;
  ASSERT_TRUE(Eventually(absl::Seconds(30), [&] {
    last = Put("/heddle/k", "2").status();
    // Nothing but being away is ever told: the new login is the client's own affair.
    EXPECT_TRUE(last.ok() || absl::IsUnavailable(last)) << last;
    return last.ok();
  })) << last;
  EXPECT_TRUE(WatchOpens());

  ASSERT_TRUE(WriteFileAtomically(options_.password_file, "wrong\n", 0600).ok());
  Connect();
  EXPECT_TRUE(absl::IsUnauthenticated(Put("/heddle/k", "3").status()));
  options_.user.clear();
  options_.password_file.clear();
  Connect();
  const absl::Status nobody = Put("/heddle/k", "3").status();
  EXPECT_TRUE(absl::IsUnauthenticated(nobody)) << nobody;
}

TEST_F(EtcdClientTest, APasswordIsNotNeededWhileEtcdAsksForNone) {
  StartMembers(1);
  options_.user = "heddle";
  options_.password_file = cluster_->folder() + "/password";
  ASSERT_TRUE(WriteFileAtomically(options_.password_file, "secret\n", 0600).ok());
  Connect();
  const auto put = Put("/heddle/k", "1");
  EXPECT_TRUE(put.ok()) << put.status();
  EnableAuthentication();
  const auto later = Put("/heddle/k", "2");
  EXPECT_TRUE(later.ok()) << later.status();
}

TEST_F(EtcdClientTest, EachMemberTellsItsStatus) {
  StartMembers(3);
  Connect();
  cluster_->Kill(1);
  cluster_->Kill(2);
  for (int i = 0; i < 3; ++i) {
    const auto status =
        Ask<pb::StatusResponse>([&](auto done) { client_->Status(i, std::move(done)); });
    // The one that is left answers, though without a leader it does nothing else.
    EXPECT_EQ(status.ok(), i == 0) << status.status();
  }
  EXPECT_TRUE(absl::IsUnavailable(Range("k").status()));
}

}  // namespace
}  // namespace heddle::storage

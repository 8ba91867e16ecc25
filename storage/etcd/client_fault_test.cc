// Faults that a real etcd cannot be made to have at will.
#include <thread>

#include "absl/strings/match.h"
#include "base/file.h"
#include "base/silent_listener.h"
#include "gtest/gtest.h"
#include "storage/etcd/client.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/test_calls.h"
#include "storage/etcd/test_fake_etcd.h"

namespace heddle::storage {
namespace {

namespace pb = etcdserverpb;

using Scripts = FakeEtcd::Scripts;

class EtcdClientFaultTest : public ::testing::Test {
 protected:
  void Connect(std::vector<std::string> endpoints) {
    options_.endpoints = std::move(endpoints);
    options_.call_timeout = absl::Milliseconds(500);
    auto client = EtcdClient::Create(options_);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  void UsePassword() {
    options_.user = "heddle";
    options_.password_file = testing::TempDir() + "/password";
    ASSERT_TRUE(WriteFileAtomically(options_.password_file, "secret\n", 0600).ok());
  }
  absl::StatusOr<pb::RangeResponse> Range() {
    return Ask<pb::RangeResponse>([&](auto done) { client_->Range({}, std::move(done)); });
  }
  absl::StatusOr<pb::TxnResponse> Txn() {
    return Ask<pb::TxnResponse>([&](auto done) { client_->Txn({}, std::move(done)); });
  }

  EtcdOptions options_;
  std::unique_ptr<EtcdClient> client_;
};

// Gives out the tokens "1", "2" and so on, of which `valid` only are good.
Scripts WithTokens(std::atomic<int>* given, std::function<bool(const std::string&)> valid) {
  Scripts scripts;
  scripts.authenticate = [given](auto*, const auto& request, auto* response) {
    EXPECT_EQ(request.name(), "heddle");
    EXPECT_EQ(request.password(), "secret");
    absl::SleepFor(absl::Milliseconds(50));
    response->set_token(absl::StrCat(++*given));
    return grpc::Status::OK;
  };
  scripts.range = [valid](auto* context, const auto&, auto*) {
    if (valid(FakeEtcd::Metadata(*context, "token"))) return grpc::Status::OK;
    return grpc::Status(grpc::UNAUTHENTICATED, "etcdserver: invalid auth token");
  };
  return scripts;
}

TEST_F(EtcdClientFaultTest, CallsThatFindTheTokenOutdatedShareOneNewLogin) {
  std::atomic<int> given{0};
  std::atomic<bool> is_restarted{false};
  FakeEtcd etcd(WithTokens(
      &given, [&](const std::string& token) { return token == (is_restarted ? "2" : "1"); }));
  UsePassword();
  Connect({etcd.endpoint()});
  ASSERT_TRUE(Range().ok());
  EXPECT_EQ(etcd.logins, 1);
  is_restarted = true;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] { EXPECT_TRUE(Range().ok()); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(etcd.logins, 2);
}

TEST_F(EtcdClientFaultTest, ATokenThatIsRefusedAnewIsTheCallersToKnow) {
  std::atomic<int> given{0};
  FakeEtcd etcd(WithTokens(&given, [](const std::string&) { return false; }));
  UsePassword();
  Connect({etcd.endpoint()});
  const absl::Status refused = Range().status();
  EXPECT_TRUE(absl::IsUnauthenticated(refused)) << refused;
  EXPECT_EQ(etcd.ranges, 2);
  EXPECT_EQ(etcd.logins, 2);
}

TEST_F(EtcdClientFaultTest, AWrongPasswordIsSaidWithoutThePassword) {
  Scripts scripts;
  scripts.authenticate = [](auto*, const auto&, auto*) {
    return grpc::Status(grpc::INVALID_ARGUMENT,
                        "etcdserver: authentication failed, invalid user ID or password");
  };
  FakeEtcd etcd(scripts);
  UsePassword();
  Connect({etcd.endpoint()});
  const absl::Status refused = Range().status();
  EXPECT_TRUE(absl::IsUnauthenticated(refused)) << refused;
  EXPECT_FALSE(absl::StrContains(refused.message(), "secret")) << refused;
  EXPECT_EQ(etcd.ranges, 0);
  // A stream, too, waits for a login, and ends when there is none.
  std::promise<absl::Status> ended;
  const auto watch =
      client_->Watch({[](const auto&) {}, [&](const absl::Status& why) { ended.set_value(why); }});
  EXPECT_TRUE(absl::IsUnauthenticated(ended.get_future().get()));
}

TEST_F(EtcdClientFaultTest, ATransactionThatMayHaveBeenAppliedIsUnknownAndSentOnce) {
  Scripts scripts;
  scripts.txn = [](auto*, const auto&, auto*) {
    return grpc::Status(grpc::UNAVAILABLE, "etcdserver: request timed out");
  };
  FakeEtcd first(scripts), second({});
  Connect({first.endpoint(), second.endpoint()});
  const absl::Status unknown = Txn().status();
  EXPECT_TRUE(absl::IsUnknown(unknown)) << unknown;
  EXPECT_TRUE(absl::StrContains(unknown.message(), first.endpoint())) << unknown;
  EXPECT_EQ(first.txns + second.txns, 1);
  EXPECT_TRUE(Txn().ok());  // the next goes elsewhere
  EXPECT_EQ(second.txns, 1);
}

TEST_F(EtcdClientFaultTest, SilenceAfterATransactionIsUnknown) {
  Scripts scripts;
  scripts.txn = [](auto* context, const auto&, auto*) { return FakeEtcd::BeSilent(context); };
  FakeEtcd first(scripts), second({});
  Connect({first.endpoint(), second.endpoint()});
  const absl::Status unknown = Txn().status();
  EXPECT_TRUE(absl::IsUnknown(unknown)) << unknown;
  EXPECT_EQ(first.txns + second.txns, 1);
}

TEST_F(EtcdClientFaultTest, AConnectionThatBreaksUnderATransactionIsUnknown) {
  std::promise<void> arrived;
  Scripts scripts;
  scripts.txn = [&](auto* context, const auto&, auto*) {
    arrived.set_value();
    return FakeEtcd::BeSilent(context);
  };
  FakeEtcd first(scripts), second({});
  Connect({first.endpoint(), second.endpoint()});
  std::thread killer([&] {
    arrived.get_future().wait();
    first.Stop();
  });
  EXPECT_TRUE(absl::IsUnknown(Txn().status()));
  killer.join();
  EXPECT_EQ(second.txns, 0);
}

TEST_F(EtcdClientFaultTest, ATransactionThatWasNotSentGoesElsewhere) {
  std::string dead;
  { dead = SilentListener().address(); }
  const SilentListener mute;
  Scripts scripts;
  scripts.txn = [](auto*, const auto&, auto*) {
    return grpc::Status(grpc::UNAVAILABLE, "etcdserver: no leader");
  };
  FakeEtcd leaderless(scripts), last({});
  // Nobody listens, nobody speaks, and one that refuses before it does anything.
  Connect({dead, mute.address(), leaderless.endpoint(), last.endpoint()});
  const auto applied = Txn();
  EXPECT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(leaderless.txns, 1);
  EXPECT_EQ(last.txns, 1);
}

TEST_F(EtcdClientFaultTest, ATransactionThatNobodyTookIsUnavailableAndNamesThemAll) {
  std::string dead;
  { dead = SilentListener().address(); }
  const SilentListener mute;
  Connect({dead, mute.address()});
  const absl::Status nobody = Txn().status();
  EXPECT_TRUE(absl::IsUnavailable(nobody)) << nobody;
  EXPECT_TRUE(absl::StrContains(nobody.message(), dead)) << nobody;
  EXPECT_TRUE(absl::StrContains(nobody.message(), mute.address())) << nobody;
}

TEST_F(EtcdClientFaultTest, ASilentEndpointLosesItsCallsAndItsStreams) {
  Scripts scripts;
  scripts.range = [](auto* context, const auto&, auto*) { return FakeEtcd::BeSilent(context); };
  scripts.watch = [](auto* context, auto*) { return FakeEtcd::BeSilent(context); };
  FakeEtcd first(scripts), second({});
  Connect({first.endpoint(), second.endpoint()});
  std::promise<absl::Status> ended;
  const auto watch =
      client_->Watch({[](const auto&) {}, [&](const absl::Status& why) { ended.set_value(why); }});
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return first.watches == 1; }));
  const auto answered = Range();
  EXPECT_TRUE(answered.ok()) << answered.status();
  const absl::Status why = ended.get_future().get();
  EXPECT_TRUE(absl::IsUnavailable(why));
  EXPECT_TRUE(absl::StrContains(why.message(), "does not answer in time")) << why;
}

TEST_F(EtcdClientFaultTest, MovingOnEndsTheStreamsOfTheFormerEndpoint) {
  Scripts scripts;
  scripts.watch = [](auto* context, auto*) {
    EXPECT_EQ(FakeEtcd::Metadata(*context, "hasleader"), "true");
    return FakeEtcd::BeSilent(context);
  };
  FakeEtcd first(scripts), second(scripts);
  Connect({first.endpoint(), second.endpoint()});
  std::promise<absl::Status> ended;
  const auto former =
      client_->Watch({[](const auto&) {}, [&](const absl::Status& why) { ended.set_value(why); }});
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return first.watches == 1; }));
  client_->MoveOn();
  EXPECT_TRUE(absl::IsUnavailable(ended.get_future().get()));
  const auto next = client_->Watch({[](const auto&) {}, [](const absl::Status&) {}});
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] { return second.watches == 1; }));
}

TEST_F(EtcdClientFaultTest, AStreamCanBeDestroyedWhileTheOtherEndIsSilent) {
  Scripts scripts;
  scripts.watch = [](auto* context, auto*) { return FakeEtcd::BeSilent(context); };
  FakeEtcd etcd(scripts);
  const SilentListener mute;
  for (const std::string& endpoint : {etcd.endpoint(), mute.address()}) {
    Connect({endpoint});
    auto watch = client_->Watch({[](const auto&) { ADD_FAILURE() << "it said something"; },
                                 [](const absl::Status&) { ADD_FAILURE() << "it ended"; }});
    for (int i = 0; i < 3; ++i) watch->Write(pb::WatchRequest());
    absl::SleepFor(absl::Milliseconds(100));
    const absl::Time before = absl::Now();
    watch.reset();
    EXPECT_LT(absl::Now() - before, absl::Seconds(2));
  }
}

TEST_F(EtcdClientFaultTest, AClientThatGoesAnswersWhatIsUnderWay) {
  Scripts scripts;
  scripts.range = [](auto* context, const auto&, auto*) { return FakeEtcd::BeSilent(context); };
  scripts.txn = [](auto* context, const auto&, auto*) { return FakeEtcd::BeSilent(context); };
  FakeEtcd etcd(scripts);
  Connect({etcd.endpoint()});
  absl::Status range, txn;
  client_->Range({}, [&](const auto& response) { range = response.status(); });
  client_->Txn({}, [&](const auto& response) { txn = response.status(); });
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return etcd.ranges == 1 && etcd.txns == 1; }));
  client_.reset();
  EXPECT_TRUE(absl::IsUnavailable(range)) << range;
  EXPECT_TRUE(absl::IsUnknown(txn)) << txn;
}

TEST_F(EtcdClientFaultTest, AnAnswerMayBeLargerThanGrpcTakesByItself) {
  Scripts scripts;
  scripts.range = [](auto*, const auto&, auto* response) {
    response->add_kvs()->set_value(std::string(12 << 20, 'x'));
    return grpc::Status::OK;
  };
  FakeEtcd etcd(scripts);
  Connect({etcd.endpoint()});
  const auto large = Range();
  ASSERT_TRUE(large.ok()) << large.status();
  EXPECT_EQ(large->kvs(0).value().size(), 12u << 20);
}

}  // namespace
}  // namespace heddle::storage

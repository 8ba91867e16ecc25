// A controller as the etcd engine runs it, reduced to leadership, for tests: a client, a session,
// and a watch of the leader key that feeds it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "gtest/gtest.h"
#include "storage/etcd/client.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/session.h"
#include "storage/etcd/test_calls.h"

namespace heddle::storage {

class TestCandidate {
 public:
  TestCandidate(const EtcdOptions& options, const Member& self)
      : options_(options), client_(*EtcdClient::Create(options)) {
    session_ = std::make_unique<EtcdSession>(
        EtcdSession::Options{options.prefix, self, options.leader_ttl}, client_.get(),
        [this] { ++deposed; });
    Watch();
  }
  ~TestCandidate() { Stop(); }
  // Resigns.
  void Stop() {
    watch_.reset();
    session_.reset();
  }

  EtcdSession& session() { return *session_; }
  EtcdClient& client() { return *client_; }
  bool leads() const { return session_->fence().has_value(); }
  // The last that the watch said, which another than this one put.
  std::optional<EtcdSession::LeaderKey> leader() {
    MutexLock lock(&mutex_);
    return leader_;
  }
  // Lists the key and watches it from there on; the former watch ends.
  void Watch() {
    watch_.reset();
    etcdserverpb::RangeRequest range;
    range.set_key(options_.prefix + "leader");
    absl::StatusOr<etcdserverpb::RangeResponse> listed;
    // As the engine does: a connection to an etcd that is back is tried again only now and then.
    ASSERT_TRUE(Eventually(absl::Seconds(10), [&] {
      listed = Ask<etcdserverpb::RangeResponse>(
          [&](auto done) { client_->Range(range, std::move(done)); });
      return listed.ok();
    })) << listed.status();
    Say(listed->kvs().empty() ? nullptr : &listed->kvs(0));
    watch_ = client_->Watch({[this](const etcdserverpb::WatchResponse& response) {
                               for (const auto& event : response.events()) {
                                 Say(event.type() == 0 ? &event.kv() : nullptr);
                               }
                             },
                             [this](const absl::Status&) { session_->OnWatchLost(); }});
    etcdserverpb::WatchRequest request;
    request.mutable_create_request()->set_key(range.key());
    request.mutable_create_request()->set_start_revision(listed->header().revision() + 1);
    watch_->Write(std::move(request));
  }

  std::atomic<int> deposed{0};

 private:
  void Say(const etcdserverpb::KeyValue* kv) {
    std::optional<EtcdSession::LeaderKey> leader;
    if (kv != nullptr) {
      leader = {*DecodeMember(kv->value()), kv->value(), kv->create_revision(), kv->lease()};
    }
    {
      MutexLock lock(&mutex_);
      leader_ = leader;
    }
    session_->OnLeaderKey(std::move(leader));
  }

  const EtcdOptions options_;
  const std::unique_ptr<EtcdClient> client_;
  std::unique_ptr<EtcdSession> session_;
  std::unique_ptr<EtcdClient::WatchStream> watch_;
  Mutex mutex_;
  std::optional<EtcdSession::LeaderKey> leader_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::storage

#include "storage/bare_etcd.h"

#include <condition_variable>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "storage/etcd/etcd_store.h"

namespace heddle::storage {
namespace {

constexpr char kPrefix[] = "/bare/";
constexpr char kLeaderKey[] = "/bare-leader";
constexpr int kCreateRevision = 1;  // a compare's target

void AddCompare(etcdserverpb::TxnRequest* request, const std::string& key, std::int64_t created) {
  etcdserverpb::Compare* compare = request->add_compare();
  compare->set_target(kCreateRevision);
  compare->set_key(key);
  compare->set_create_revision(created);
}

void AddPut(etcdserverpb::TxnRequest* request, const std::string& key, const std::string& value) {
  etcdserverpb::PutRequest* put = request->add_success()->mutable_request_put();
  put->set_key(key);
  put->set_value(value);
}

}  // namespace

class BareEtcd::Loop {
 public:
  Loop(BareEtcd* bare, int in_flight, double seconds)
      : bare_(bare),
        end_(SteadyClock::now() +
             std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6))),
        running_(in_flight) {
    for (int i = 0; i < in_flight; ++i) Send();
    MutexLock lock(&mutex_);
    finished_.wait(lock.native(), [this] { return running_ == 0; });
  }
  std::vector<double> latencies_ms() { return std::move(latencies_ms_); }

 private:
  void Send() {
    etcdserverpb::TxnRequest request;
    for (const Write& write : bare_->writes_(NextNumber())) {
      const std::string key = kPrefix + write.key;
      AddCompare(&request, key, 0);
      AddPut(&request, key, write.value);
    }
    AddCompare(&request, kLeaderKey, bare_->leader_created_);
    bare_->client_->Txn(std::move(request),
                        [this, start = SteadyClock::now()](
                            const absl::StatusOr<etcdserverpb::TxnResponse>& response) {
                          if (!response.ok()) Die(std::string(response.status().message()));
                          if (!response->succeeded()) Die("a guard failed");
                          Answered(start);
                        });
  }

  int NextNumber() {
    MutexLock lock(&mutex_);
    return bare_->next_++;
  }

  void Answered(SteadyClock::time_point start) {
    {
      MutexLock lock(&mutex_);
      latencies_ms_.push_back(MillisecondsSince(start));
      if (SteadyClock::now() >= end_) {
        if (--running_ == 0) finished_.notify_all();
        return;
      }
    }
    Send();
  }

  BareEtcd* const bare_;
  const SteadyClock::time_point end_;
  Mutex mutex_;
  std::condition_variable finished_;
  int running_;                       // guarded by mutex_
  std::vector<double> latencies_ms_;  // guarded by mutex_
};

BareEtcd::BareEtcd(const std::vector<std::string>& endpoints,
                   std::function<std::vector<Write>(int)> writes)
    : writes_(std::move(writes)) {
  EtcdOptions options;
  options.endpoints = endpoints;
  auto client = EtcdClient::Create(options);
  if (!client.ok()) Die(std::string(client.status().message()));
  client_ = *std::move(client);
  Mutex mutex;
  std::condition_variable answered;
  bool is_put = false;
  etcdserverpb::PutRequest request;
  request.set_key(kLeaderKey);
  client_->Put(std::move(request), [&](const absl::StatusOr<etcdserverpb::PutResponse>& response) {
    if (!response.ok()) Die(std::string(response.status().message()));
    MutexLock lock(&mutex);
    leader_created_ = response->header().revision();
    is_put = true;
    answered.notify_all();
  });
  MutexLock lock(&mutex);
  answered.wait(lock.native(), [&] { return is_put; });
}

BareEtcd::~BareEtcd() = default;

Rate BareEtcd::Run(int in_flight, double seconds) {
  const RateWatch watch;
  return watch.Stop(Loop(this, in_flight, seconds).latencies_ms());
}

}  // namespace heddle::storage

// An etcd that does what a test tells it, for faults that a real one cannot be made to have. Serves
// on a free port of 127.0.0.1 from construction until Stop.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "storage/etcd/etcd.grpc.pb.h"

namespace heddle::storage {

class FakeEtcd {
 public:
  template <typename Request, typename Response>
  using Script = std::function<grpc::Status(grpc::ServerContext*, const Request&, Response*)>;
  template <typename Request, typename Response>
  using StreamScript = std::function<grpc::Status(grpc::ServerContext*,
                                                  grpc::ServerReaderWriter<Response, Request>*)>;

  // Set before the first call. Absent: OK with an empty answer.
  struct Scripts {
    Script<etcdserverpb::RangeRequest, etcdserverpb::RangeResponse> range;
    Script<etcdserverpb::TxnRequest, etcdserverpb::TxnResponse> txn;
    Script<etcdserverpb::AuthenticateRequest, etcdserverpb::AuthenticateResponse> authenticate;
    StreamScript<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse> watch;
  };

  explicit FakeEtcd(Scripts scripts)
      : kv_(this), auth_(this), watch_(this), scripts_(std::move(scripts)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&kv_);
    builder.RegisterService(&auth_);
    builder.RegisterService(&watch_);
    builder.RegisterService(&maintenance_);
    server_ = builder.BuildAndStart();
  }
  ~FakeEtcd() { Stop(); }
  // Breaks its connections, as a process that dies.
  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string endpoint() const { return absl::StrCat("127.0.0.1:", port_); }

  // For scripts: says nothing until the client or the server has given the call up.
  static grpc::Status BeSilent(grpc::ServerContext* context) {
    while (!context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    return grpc::Status::CANCELLED;
  }
  // The value that the client sent along under `name`; empty without one.
  static std::string Metadata(const grpc::ServerContext& context, const std::string& name) {
    const auto found = context.client_metadata().find(name);
    if (found == context.client_metadata().end()) return "";
    return {found->second.data(), found->second.size()};
  }

  std::atomic<int> ranges{0}, txns{0}, logins{0}, watches{0};  // calls that came

 private:
  struct Kv final : etcdserverpb::KV::Service {
    explicit Kv(FakeEtcd* fake) : fake(fake) {}
    grpc::Status Range(grpc::ServerContext* context, const etcdserverpb::RangeRequest* request,
                       etcdserverpb::RangeResponse* response) override {
      ++fake->ranges;
      const auto& script = fake->scripts_.range;
      return script ? script(context, *request, response) : grpc::Status::OK;
    }
    grpc::Status Txn(grpc::ServerContext* context, const etcdserverpb::TxnRequest* request,
                     etcdserverpb::TxnResponse* response) override {
      ++fake->txns;
      const auto& script = fake->scripts_.txn;
      return script ? script(context, *request, response) : grpc::Status::OK;
    }
    FakeEtcd* const fake;
  };
  struct Auth final : etcdserverpb::Auth::Service {
    explicit Auth(FakeEtcd* fake) : fake(fake) {}
    grpc::Status Authenticate(grpc::ServerContext* context,
                              const etcdserverpb::AuthenticateRequest* request,
                              etcdserverpb::AuthenticateResponse* response) override {
      ++fake->logins;
      const auto& script = fake->scripts_.authenticate;
      return script ? script(context, *request, response) : grpc::Status::OK;
    }
    FakeEtcd* const fake;
  };
  struct Watcher final : etcdserverpb::Watch::Service {
    explicit Watcher(FakeEtcd* fake) : fake(fake) {}
    grpc::Status Watch(grpc::ServerContext* context,
                       grpc::ServerReaderWriter<etcdserverpb::WatchResponse,
                                                etcdserverpb::WatchRequest>* stream) override {
      ++fake->watches;
      const auto& script = fake->scripts_.watch;
      return script ? script(context, stream) : grpc::Status::OK;
    }
    FakeEtcd* const fake;
  };

  struct Maintenance final : etcdserverpb::Maintenance::Service {
    grpc::Status Status(grpc::ServerContext*, const etcdserverpb::StatusRequest*,
                        etcdserverpb::StatusResponse*) override {
      return grpc::Status::OK;
    }
  };

  Kv kv_;
  Auth auth_;
  Watcher watch_;
  Maintenance maintenance_;
  const Scripts scripts_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace heddle::storage

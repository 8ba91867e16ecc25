// A controller for tests: serves node streams on a loopback port by a script.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "gtest/gtest.h"

namespace heddle::node {

class FakeController final : private v1::NodeService::Service {
 public:
  using Wire = grpc::ServerReaderWriter<v1::ControllerMessage, v1::NodeMessage>;
  // Runs in a thread of gRPC's, once per stream, numbered from 1; its end ends the stream.
  using Script = std::function<grpc::Status(int stream, Wire* wire)>;

  // `port` 0: any free one. `host`: an address of loopback's, in brackets if of IPv6. `tls` absent:
  // insecure. `identity` is served beside, and outlives this.
  explicit FakeController(Script script, int port = 0, std::string host = "127.0.0.1",
                          std::shared_ptr<grpc::ServerCredentials> tls = nullptr,
                          v1::IdentityService::Service* identity = nullptr)
      : script_(std::move(script)), host_(std::move(host)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(absl::StrCat(host_, ":", port),
                             tls == nullptr ? grpc::InsecureServerCredentials() : tls, &port_);
    builder.RegisterService(this);
    if (identity != nullptr) builder.RegisterService(identity);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
    EXPECT_NE(port_, 0);
  }
  ~FakeController() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return absl::StrCat(host_, ":", port_); }
  int port() const { return port_; }
  int streams() const { return streams_; }

 private:
  grpc::Status Attach(grpc::ServerContext*, Wire* wire) override {
    return script_(++streams_, wire);
  }

  const Script script_;
  const std::string host_;
  int port_ = 0;
  std::atomic<int> streams_{0};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace heddle::node

// A whole controller on loopback, with RocksDB underneath, for tests.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/controller.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::controller {

inline constexpr char kVxlan[] = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";

class ControllerTest : public ::testing::Test {
 protected:
  void Start(const std::string& net_conf = kVxlan) {
    const absl::Status status = TryStart(net_conf);
    ASSERT_TRUE(status.ok()) << status;
  }
  absl::Status TryStart(const std::string& net_conf) {
    if (store_ == nullptr) {
      storage::RocksdbOptions options;
      options.path = folder_;
      store_ = *storage::OpenRocksdbStore(options);
    }
    ControllerOptions options;
    options.listen = {"127.0.0.1:0"};
    if (!net_conf.empty()) options.net_conf_json = net_conf;
    options.net_conf_name = "net-conf.json";
    options.heartbeat_seconds = 1;
    auto controller = Controller::Start(options, store_.get(), nullptr);
    if (!controller.ok()) return controller.status();
    controller_ = *std::move(controller);
    // Of its own, so that a later controller on another port is really dialled.
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", controller_->ports()[0]),
                                         grpc::InsecureChannelCredentials(), arguments);
    admin_ = v1::AdminService::NewStub(channel_);
    return absl::OkStatus();
  }
  // As a restart of the process: the store is closed and opened.
  void Stop() {
    controller_.reset();
    store_.reset();
  }

  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::AdminService::Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return ((*admin_).*method)(&context, request, response);
  }
  v1::ListNodesResponse Nodes() {
    v1::ListNodesResponse nodes;
    EXPECT_TRUE(Call(&v1::AdminService::Stub::ListNodes, {}, &nodes).ok());
    return nodes;
  }
  grpc::Status SetNetwork(const std::string& json, bool dry_run, v1::SetNetworkResponse* response) {
    v1::SetNetworkRequest request;
    request.set_net_conf_json(json);
    request.set_dry_run(dry_run);
    return Call(&v1::AdminService::Stub::SetNetwork, request, response);
  }

  const std::string folder_ =
      testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<Controller> controller_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

}  // namespace heddle::controller

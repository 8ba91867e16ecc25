// Several controllers in one process on one memory store, asked over gRPC on loopback, for tests.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/controller.h"
#include "controller/test_cut_store.h"
#include "gtest/gtest.h"
#include "storage/etcd/test_ports.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {

using Stub = v1::AdminService::Stub;

inline constexpr char kNetConf[] = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";

struct Replica {
  explicit Replica(storage::Store* shared) : store(shared) {}
  CutStore store;
  std::string address;
  std::unique_ptr<Controller> controller;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Stub> stub;
};

class AdminReplicasTest : public ::testing::Test {
 protected:
  // c-0 leads.
  void Start(int count) {
    for (int i = 0; i < count; ++i) {
      auto replica = std::make_unique<Replica>(&store_);
      replica->address = *storage::FreeEndpoint("127.0.0.1");
      ControllerOptions options;
      options.listen = {replica->address};
      options.id = absl::StrCat("c-", i);
      options.advertise = replica->address;
      options.heartbeat_seconds = 1;
      if (i == 0) options.net_conf_json = kNetConf;
      auto controller = Controller::Start(options, &replica->store, nullptr);
      ASSERT_TRUE(controller.ok()) << controller.status();
      replica->controller = *std::move(controller);
      replica->channel = grpc::CreateChannel(replica->address, grpc::InsecureChannelCredentials());
      replica->stub = v1::AdminService::NewStub(replica->channel);
      replicas_.push_back(std::move(replica));
    }
  }

  template <typename Request, typename Response>
  grpc::Status Call(std::size_t at,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response,
                    absl::Duration patience = absl::Seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
    response->Clear();
    return ((*replicas_[at]->stub).*method)(&context, request, response);
  }
  grpc::Status Reserve(std::size_t at, const std::string& node_id, v1::LeaseResponse* response,
                       absl::Duration patience = absl::Seconds(20)) {
    v1::ReserveLeaseRequest request;
    request.set_node_id(node_id);
    return Call(at, &Stub::ReserveLease, request, response, patience);
  }
  v1::GetStatusResponse Status(std::size_t at) {
    v1::GetStatusResponse status;
    EXPECT_TRUE(Call(at, &Stub::GetStatus, {}, &status).ok());
    return status;
  }
  std::vector<std::string> Leases(std::size_t at) {
    v1::ListLeasesResponse leases;
    const grpc::Status status = Call(at, &Stub::ListLeases, {}, &leases);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> ids;
    for (const v1::Lease& lease : leases.leases()) ids.push_back(lease.node_id());
    return ids;
  }
  // From here on the news of elections waits. The former leader, c-0, hears that it is none.
  void LoseLeader() {
    store_.HoldDelivery(true);
    store_.Depose();
    ASSERT_TRUE(store_.Step());
    ASSERT_TRUE(Until([&] { return Status(0).leader_id().empty(); }));
  }
  // News travels on other threads.
  bool Until(const std::function<bool()>& holds) {
    for (const absl::Time end = absl::Now() + absl::Seconds(10); absl::Now() < end;) {
      if (holds()) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  storage::MemoryStore store_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

}  // namespace heddle::controller

// What a --net-conf file means at a start: taken over when it is new, never against what was set
// since.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/controller.h"
#include "gtest/gtest.h"
#include "storage/etcd/test_ports.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {
namespace {

constexpr char kSmall[] = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";
constexpr char kLarge[] =
    R"({"Network":"10.240.0.0/12","SubnetLen":24,"Backend":{"Type":"vxlan"}})";
constexpr char kOther[] = R"({"Network":"10.9.0.0/16","Backend":{"Type":"host-gw"}})";

constexpr char kNoFile[] = "no file";

class NetConfStartTest : public ::testing::Test {
 protected:
  // One life of a controller: starts with the file, perhaps sets a network, and answers what is
  // stored in the end.
  std::string Life(const std::string& file, const std::string& set = "") {
    ControllerOptions options;
    options.listen = {"127.0.0.1:0"};
    if (file != kNoFile) options.net_conf_json = file;
    options.net_conf_name = "net-conf.json";
    auto controller = Controller::Start(options, &store_, nullptr);
    if (!controller.ok()) return std::string(controller.status().message());
    const auto stub = v1::AdminService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string((*controller)->ports()[0]),
                            grpc::InsecureChannelCredentials()));
    if (!set.empty()) {
      grpc::ClientContext context;
      v1::SetNetworkRequest request;
      v1::SetNetworkResponse response;
      request.set_net_conf_json(set);
      const grpc::Status status = stub->SetNetwork(&context, request, &response);
      if (!status.ok()) return status.error_message();
    }
    grpc::ClientContext context;
    v1::GetNetworkResponse response;
    stub->GetNetwork(&context, {}, &response);
    return response.source_json();
  }

  storage::MemoryStore store_;
};

TEST_F(NetConfStartTest, TheSameFileDoesNotUndoWhatWasSetSince) {
  EXPECT_EQ(Life(kSmall), kSmall);
  EXPECT_EQ(Life(kSmall, kLarge), kLarge);
  EXPECT_EQ(Life(kSmall), kLarge);
  EXPECT_EQ(Life(kNoFile), kLarge);
  EXPECT_EQ(Life(kSmall), kLarge);
}

TEST_F(NetConfStartTest, AnEditedFileIsTakenOver) {
  EXPECT_EQ(Life(kSmall), kSmall);
  EXPECT_EQ(Life(kSmall, kLarge), kLarge);
  EXPECT_EQ(Life(kOther), kOther);
  EXPECT_EQ(Life(kSmall), kSmall);  // edited back: that is an edit, too
}

TEST_F(NetConfStartTest, AFileThatSaysWhatIsSetAlreadyIsRemembered) {
  EXPECT_EQ(Life(kNoFile, kSmall), kSmall);
  EXPECT_EQ(Life(kSmall), kSmall);
  EXPECT_EQ(Life(kSmall, kLarge), kLarge);
  EXPECT_EQ(Life(kSmall), kLarge);
}

TEST_F(NetConfStartTest, AnEmptyFileIsAnErrorNotTheAbsenceOfAFile) {
  for (const char* empty : {"", " \n\t"}) {
    EXPECT_EQ(Life(empty),
              "net-conf.json: net-conf.json: the file is empty; write one JSON object such as "
              "{\"Network\": \"10.244.0.0/16\", \"Backend\": {\"Type\": \"vxlan\"}}");
  }
  EXPECT_EQ(Life(kSmall), kSmall);
}

class SeveralControllersTest : public ::testing::Test {
 protected:
  using Running = std::unique_ptr<Controller>;

  Running Start(const std::string& id, const std::string& file) {
    ControllerOptions options;
    options.id = id;
    options.advertise = storage::FreeEndpoint("127.0.0.1").value();  // followers ask the leader
    options.listen = {options.advertise};
    options.one_of_several = true;
    if (file != kNoFile) options.net_conf_json = file;
    options.net_conf_name = "net-conf.json";
    auto controller = Controller::Start(options, &store_, nullptr);
    EXPECT_TRUE(controller.ok()) << controller.status();
    return controller.ok() ? *std::move(controller) : nullptr;
  }

  static std::string Shown(const Running& controller) {
    const auto stub = v1::AdminService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(controller->ports()[0]),
                            grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::GetNetworkResponse response;
    stub->GetNetwork(&context, {}, &response);
    return response.source_json();
  }
  static std::string WaitFor(const std::string& file, const Running& controller) {
    const absl::Time give_up_at = absl::Now() + absl::Seconds(20);
    while (Shown(controller) != file && absl::Now() < give_up_at) {
      absl::SleepFor(absl::Milliseconds(10));
    }
    return Shown(controller);
  }

  storage::MemoryStore store_;
};

TEST_F(SeveralControllersTest, TheOneThatLeadsTakesItsFileOver) {
  Running first = Start("c-1", kSmall);
  EXPECT_EQ(WaitFor(kSmall, first), kSmall);
  Running second = Start("c-2", kLarge);
  EXPECT_EQ(WaitFor(kSmall, second), kSmall);
  first.reset();
  EXPECT_EQ(WaitFor(kLarge, second), kLarge);
}

TEST_F(SeveralControllersTest, TheFileOfTheOneThatStartedLastStands) {
  Running first = Start("c-1", kSmall);
  EXPECT_EQ(WaitFor(kSmall, first), kSmall);
  Running second = Start("c-2", kLarge);
  Running third = Start("c-3", kNoFile);
  Running old = Start("c-4", kOther);
  first.reset();
  ASSERT_EQ(WaitFor(kLarge, third), kLarge);
  second.reset();
  third.reset();
  // It leads now, with a file that it had before the network became what it is.
  ASSERT_EQ(WaitFor(kLarge, old), kLarge);
  Running newcomer = Start("c-5", kOther);
  old.reset();
  EXPECT_EQ(WaitFor(kOther, newcomer), kOther);
}

}  // namespace
}  // namespace heddle::controller

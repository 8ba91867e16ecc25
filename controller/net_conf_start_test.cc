// What a --net-conf file means at a start: taken over when it is new, never against what was set
// since.
#include <grpcpp/grpcpp.h>

#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/controller.h"
#include "gtest/gtest.h"
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

}  // namespace
}  // namespace heddle::controller

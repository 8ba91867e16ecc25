// Two controllers that prove themselves to each other, through a change of the CA.
#include <gtest/gtest.h>

#include <filesystem>

#include "controller/ca_files.h"
#include "controller/test_cut_store.h"
#include "controller/test_tls.h"
#include "storage/etcd/test_ports.h"

namespace heddle::controller {
namespace {

using identity::Role;

class TlsPeersTest : public TlsControllerTest {
 protected:
  struct Member {
    Member(storage::Store* shared, const std::string& id, TlsFiles files)
        : store(shared), id(id), files(std::move(files)) {}
    CutStore store;
    const std::string id;
    const TlsFiles files;
    const std::string address = *storage::FreeEndpoint("127.0.0.1");
    std::unique_ptr<ControllerTls> tls;
    std::unique_ptr<Controller> controller;
  };

  void Start(Member* member) {
    ASSERT_TRUE(InitTls(member->files, {member->id, "", ""}, absl::Now()).ok());
    auto tls = ControllerTls::Open({member->id, member->files, {}}, &clock_);
    ASSERT_TRUE(tls.ok()) << tls.status();
    member->tls = *std::move(tls);
    ControllerOptions options;
    options.id = member->id;
    options.listen = {member->address};
    options.advertise = member->address;
    options.net_conf_json = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";
    options.credentials = member->tls->credentials();
    options.authority = [tls = member->tls.get()] { return tls->authority(); };
    auto controller = Controller::Start(options, &member->store, nullptr);
    ASSERT_TRUE(controller.ok()) << controller.status();
    member->controller = *std::move(controller);
  }
  void CopyCa() {
    std::filesystem::create_directories(follower_.files.folder);
    for (const auto file : {&TlsFiles::roots, &TlsFiles::ca_key, &TlsFiles::cross}) {
      const std::string from = (leader_.files.*file)();
      if (!std::filesystem::exists(from)) continue;
      std::filesystem::copy(from, (follower_.files.*file)(),
                            std::filesystem::copy_options::overwrite_existing);
    }
  }
  // Asks the one that does not lead for what only the leader can do.
  grpc::Status Reserve(const std::string& node_id) {
    const auto admin =
        IssueLocally(*follower_.tls->authority(), {Role::kAdmin, "alice"}, absl::Now(),
                     absl::Hours(1), follower_.tls->credentials()->Current()->roots_pem, "");
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    identity::SetServerName({}, &arguments);
    const auto channel = grpc::CreateCustomChannel(
        follower_.address, identity::ChannelCredentialsOf(*admin), arguments);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    v1::ReserveLeaseRequest request;
    request.set_node_id(node_id);
    v1::LeaseResponse response;
    return v1::AdminService::NewStub(channel)->ReserveLease(&context, request, &response);
  }
  bool AreOf(const std::string& root) {
    return Eventually([&] {
      return leader_.tls->credentials()->Current()->leaf.issuer == root &&
             follower_.tls->credentials()->Current()->leaf.issuer == root;
    });
  }

  Member leader_{&store_, "c1", {folder_.path() + "/1/tls"}};
  Member follower_{&store_, "c2", {folder_.path() + "/2/tls"}};
};

TEST_F(TlsPeersTest, OnePassesCallsToTheOtherBeforeAndAfterTheCaChanges) {
  Start(&leader_);
  CopyCa();
  Start(&follower_);
  const grpc::Status first = Reserve("node-1");
  ASSERT_TRUE(first.ok()) << first.error_message();

  ASSERT_TRUE(AddRoot(leader_.files, absl::Now()).ok());
  CopyCa();
  ASSERT_TRUE(PromoteRoot(leader_.files).ok());
  CopyCa();
  const std::string root = LoadAuthority(leader_.files)->root().key_id;
  ASSERT_TRUE(AreOf(root)) << "both renew at once";
  const grpc::Status second = Reserve("node-2");
  ASSERT_TRUE(second.ok()) << second.error_message();

  ASSERT_TRUE(RetireRoots(leader_.files).ok());
  CopyCa();
  ASSERT_TRUE(Eventually([&] {
    const auto roots = identity::ParseRoots(follower_.tls->credentials()->Current()->roots_pem);
    return roots->size() == 1;
  }));
  const grpc::Status third = Reserve("node-3");
  EXPECT_TRUE(third.ok()) << third.error_message();
}

}  // namespace
}  // namespace heddle::controller

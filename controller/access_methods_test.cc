// Every method of every service, asked by every kind of caller.
#include <grpcpp/generic/generic_stub.h>

#include <map>
#include <set>

#include "api/heddle/v1/identity.pb.h"
#include "api/heddle/v1/node.pb.h"
#include "api/heddle/v1/replica.pb.h"
#include "controller/caller.h"
#include "controller/secure_fixture.h"

namespace heddle::controller {
namespace {

using Code = grpc::StatusCode;

// Who may; written down here once more, since this is what must not change by accident.
enum class Who { kEverybody, kAnyCertificate, kNodes, kControllers, kViewers, kAdmins };

const std::map<std::string, Who>& Rules() {
  static const auto* rules = new std::map<std::string, Who>{
      {"NodeService/Attach", Who::kNodes},
      {"ReplicaService/Follow", Who::kControllers},
      {"ReplicaService/Acquire", Who::kControllers},
      {"IdentityService/Join", Who::kEverybody},
      {"IdentityService/Renew", Who::kAnyCertificate},
      {"AdminService/GetNetwork", Who::kViewers},
      {"AdminService/SetNetwork", Who::kAdmins},
      {"AdminService/ListLeases", Who::kViewers},
      {"AdminService/ReserveLease", Who::kAdmins},
      {"AdminService/ReleaseLease", Who::kAdmins},
      {"AdminService/ListNodes", Who::kViewers},
      {"AdminService/AcceptRemovals", Who::kAdmins},
      {"AdminService/RemoveNode", Who::kAdmins},
      {"AdminService/Watch", Who::kViewers},
      {"AdminService/GetStatus", Who::kViewers},
      {"AdminService/WaitApplied", Who::kViewers},
      {"AdminService/RenumberNode", Who::kAdmins},
      {"AdminService/Diagnose", Who::kAdmins},
      {"AdminService/ListControllers", Who::kViewers},
      {"AdminService/StepDown", Who::kAdmins},
      {"AdminService/Backup", Who::kAdmins},
      {"AdminService/Restore", Who::kAdmins},
      {"AdminService/CreateToken", Who::kAdmins},
      {"AdminService/ListTokens", Who::kViewers},
      {"AdminService/DeleteToken", Who::kAdmins},
      {"AdminService/IssueCertificate", Who::kAdmins},
      {"AdminService/ListCertificates", Who::kViewers},
      {"AdminService/RevokeCertificate", Who::kAdmins},
      {"AdminService/AllowAddress", Who::kAdmins},
  };
  return *rules;
}

std::vector<const google::protobuf::MethodDescriptor*> Methods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::GetStatusRequest::descriptor()->file(), v1::NodeMessage::descriptor()->file(),
        v1::FollowerMessage::descriptor()->file(), v1::JoinRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int m = 0; m < file->service(i)->method_count(); ++m) {
        methods.push_back(file->service(i)->method(m));
      }
    }
  }
  return methods;
}

std::string NameOf(const google::protobuf::MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), "/", method.name());
}

bool IsRefusal(Code code) {
  return code == Code::UNAUTHENTICATED || code == Code::PERMISSION_DENIED;
}

class AccessMethodsTest : public SecureTest {
 protected:
  // Says one empty message and nothing more; DEADLINE_EXCEEDED: was let in, and it goes on.
  static Code Ask(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                  const std::string& on_behalf_of = "") {
    grpc::GenericStub stub(channel);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(4)));
    if (!on_behalf_of.empty()) context.AddMetadata(kOnBehalfOfMetadata, on_behalf_of);
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto call = stub.PrepareCall(&context, path, &queue);
    call->StartCall(nullptr);
    next();
    const grpc::Slice nothing;
    call->WriteLast(grpc::ByteBuffer(&nothing, 1), {}, nullptr);
    next();
    grpc::ByteBuffer answer;
    do {
      call->Read(&answer, nullptr);
    } while (next());
    grpc::Status status;
    call->Finish(&status, nullptr);
    next();
    queue.Shutdown();
    return status.error_code();
  }

  // Asks all methods; those that `may` says get further than access, the others end with `refusal`.
  void ExpectOnly(const std::set<Who>& may, Code refusal,
                  const std::shared_ptr<grpc::Channel>& channel,
                  const std::string& on_behalf_of = "") {
    for (const auto* method : Methods()) {
      const std::string name = NameOf(*method);
      const Code code =
          Ask(channel, absl::StrCat("/", method->service()->full_name(), "/", method->name()),
              on_behalf_of);
      EXPECT_NE(code, Code::UNIMPLEMENTED) << name;
      const bool is_let_in = may.count(Rules().at(name)) > 0;
      // Join refuses whom it lets in by the token.
      if (is_let_in && name == "IdentityService/Join") {
        EXPECT_NE(code, Code::UNAUTHENTICATED);
      } else if (is_let_in) {
        EXPECT_FALSE(IsRefusal(code) || code == Code::UNAVAILABLE) << name << ": " << code;
      } else {
        EXPECT_EQ(code, refusal) << name;
      }
    }
  }
};

TEST_F(AccessMethodsTest, EveryMethodHasARuleAndEveryRuleItsMethod) {
  std::set<std::string> named;
  for (const auto* method : Methods()) {
    named.insert(NameOf(*method));
    EXPECT_EQ(Rules().count(NameOf(*method)), 1U) << NameOf(*method) << " has no rule";
  }
  EXPECT_EQ(named.size(), Rules().size()) << "a rule for a method that there is not";
}

TEST_F(AccessMethodsTest, EachRoleMayWhatItsRuleSays) {
  Start(1);
  const std::set<Who> all = {Who::kEverybody, Who::kAnyCertificate};
  const auto and_also = [&](std::set<Who> more) {
    more.insert(all.begin(), all.end());
    return more;
  };
  ExpectOnly({Who::kEverybody}, Code::UNAUTHENTICATED, Dial(0, nullptr));
  ExpectOnly(and_also({Who::kNodes}), Code::PERMISSION_DENIED, Dial(0, "node/h1"));
  ExpectOnly(and_also({Who::kViewers}), Code::PERMISSION_DENIED, Dial(0, "viewer/bob"));
  ExpectOnly(and_also({Who::kViewers, Who::kAdmins}), Code::PERMISSION_DENIED,
             Dial(0, "admin/alice"));
  ExpectOnly(and_also({Who::kControllers}), Code::PERMISSION_DENIED, Dial(0, "controller/c-9"));
}

TEST_F(AccessMethodsTest, AControllerMayWhatWhomItNamesMayAndNobodyElseNamesOthers) {
  Start(1);
  const auto controller = Dial(0, "controller/c-9");
  ExpectOnly({Who::kEverybody, Who::kAnyCertificate, Who::kViewers}, Code::PERMISSION_DENIED,
             controller, "viewer/bob");
  ExpectOnly({Who::kEverybody, Who::kAnyCertificate, Who::kViewers, Who::kAdmins},
             Code::PERMISSION_DENIED, controller, "admin/alice");
  // Nodes and controllers speak for themselves.
  ExpectOnly({Who::kEverybody, Who::kAnyCertificate}, Code::PERMISSION_DENIED, controller,
             "node/h1");
  ExpectOnly({Who::kEverybody, Who::kAnyCertificate}, Code::PERMISSION_DENIED, controller,
             "controller/c-0");
  ExpectOnly({Who::kEverybody}, Code::PERMISSION_DENIED, controller, "nobody");
  ExpectOnly({Who::kEverybody}, Code::PERMISSION_DENIED, Dial(0, "viewer/bob"), "admin/alice");
  ExpectOnly({Who::kEverybody}, Code::PERMISSION_DENIED, Dial(0, "node/h1"), "node/h2");
}

TEST_F(AccessMethodsTest, ACertificateThatExpiredOnALiveConnectionIsNone) {
  Start(1);
  const Credentials soon =
      Issue("admin/alice", {absl::Now() - absl::Hours(1), absl::Now() + absl::Seconds(10)});
  const auto channel = Dial(0, &soon);
  ASSERT_TRUE(Call(channel, &Stub::GetStatus, v1::GetStatusRequest()).ok());
  absl::SleepFor(soon.leaf.not_after - absl::Now() + absl::Milliseconds(10));
  ExpectOnly({Who::kEverybody}, Code::UNAUTHENTICATED, channel);
}

TEST_F(AccessMethodsTest, ARevokedCertificateIsNone) {
  Start(1);
  const Credentials alice = Issue("admin/alice"), node = Issue("node/h1"),
                    peer = Issue("controller/c-9");
  for (const Credentials& revoked : {alice, node, peer}) Revoke(revoked);
  for (const Credentials& revoked : {alice, node, peer}) {
    ExpectOnly({Who::kEverybody}, Code::UNAUTHENTICATED, Dial(0, &revoked));
  }
  EXPECT_TRUE(Call(Dial(0, "admin/alice"), &Stub::GetStatus, v1::GetStatusRequest()).ok());
}

TEST_F(AccessMethodsTest, OneOfAnotherAuthorityOrExpiredIsNone) {
  Start(1);
  const identity::Authority other = identity::MakeTestAuthority();
  Credentials foreign = identity::MakeTestCredentials(other, "admin/alice");
  foreign.roots_pem = authority_.root().pem;
  const Credentials old =
      Issue("admin/alice", {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)});
  ExpectOnly({Who::kEverybody}, Code::UNAUTHENTICATED, Dial(0, &foreign));
  ExpectOnly({Who::kEverybody}, Code::UNAUTHENTICATED, Dial(0, &old));
}

TEST_F(AccessMethodsTest, TheHealthCheckIsOpenAndThereIsNoReflection) {
  Start(1);
  const auto anybody = Dial(0, nullptr);
  EXPECT_EQ(Ask(anybody, "/grpc.health.v1.Health/Check"), Code::OK);
  for (const char* version : {"v1", "v1alpha"}) {
    EXPECT_EQ(Ask(anybody, absl::StrCat("/grpc.reflection.", version,
                                        ".ServerReflection/ServerReflectionInfo")),
              Code::UNIMPLEMENTED);
  }
}

// A dry run changes nothing.
TEST_F(AccessMethodsTest, AViewerMayTryANetwork) {
  Start(1);
  v1::SetNetworkRequest request;
  request.set_net_conf_json(R"({"Network":"10.244.0.0/15","Backend":{"Type":"vxlan"}})");
  const auto viewer = Dial(0, "viewer/bob");
  EXPECT_EQ(Call(viewer, &Stub::SetNetwork, request).error_code(), Code::PERMISSION_DENIED);
  request.set_dry_run(true);
  EXPECT_TRUE(Call(viewer, &Stub::SetNetwork, request).ok());
}

}  // namespace
}  // namespace heddle::controller

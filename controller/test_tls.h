// A whole controller that serves with the files of `heddle-controller init`, for tests.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "base/clock.h"
#include "controller/controller.h"
#include "controller/controller_tls.h"
#include "controller/init_tls.h"
#include "controller/issue.h"
#include "controller/own_certificate.h"
#include "gtest/gtest.h"
#include "identity/transport.h"
#include "storage/memory/memory_store.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::controller {

class TlsControllerTest : public ::testing::Test {
 protected:
  void Start() {
    ASSERT_TRUE(InitTls(files_, {"c1", "", ""}, absl::Now()).ok());
    Start({"c1", files_, {}});
  }
  void Start(const ControllerTlsTerms& terms) {
    auto tls = ControllerTls::Open(terms, &clock_);
    ASSERT_TRUE(tls.ok()) << tls.status();
    tls_ = *std::move(tls);
    ControllerOptions options;
    options.id = "c1";
    options.listen = {"127.0.0.1:0"};
    options.net_conf_json = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";
    options.heartbeat_seconds = 1;
    options.credentials = tls_->credentials();
    options.authority = [this] { return tls_->authority(); };
    auto controller = Controller::Start(options, &store_, nullptr);
    ASSERT_TRUE(controller.ok()) << controller.status();
    controller_ = *std::move(controller);
  }

  // Of the root that signs now, and believing what is believed now.
  identity::Credentials Issue(identity::Role role, const std::string& name) {
    return *IssueLocally(*tls_->authority(), {role, name}, absl::Now(), absl::Hours(1),
                         tls_->credentials()->Current()->roots_pem, "");
  }
  // A connection of its own.
  std::shared_ptr<grpc::Channel> Dial(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    identity::SetServerName({}, &arguments);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", controller_->ports()[0]),
                                     credentials, arguments);
  }
  std::shared_ptr<grpc::Channel> Dial(const identity::Credentials& credentials) {
    return Dial(identity::ChannelCredentialsOf(credentials));
  }
  // Asks over a new connection, and notes who answered.
  grpc::Status Ask(const identity::Credentials& credentials) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    v1::GetStatusResponse response;
    const grpc::Status status =
        v1::AdminService::NewStub(Dial(credentials))->GetStatus(&context, {}, &response);
    if (status.ok())
      server_ = *identity::ParseCertificate(*identity::ShownChain(*context.auth_context()));
    return status;
  }
  bool Eventually(const std::function<bool()>& is_so, absl::Duration within = absl::Seconds(15)) {
    const absl::Time end = absl::Now() + within;
    while (!is_so() && absl::Now() < end) absl::SleepFor(absl::Milliseconds(50));
    return is_so();
  }
  identity::Certificate Own() { return tls_->credentials()->Current()->leaf; }

  const SystemClock clock_;
  const storage::ScratchFolder folder_;
  const TlsFiles files_{folder_.path() + "/data/tls"};
  storage::MemoryStore store_;
  std::unique_ptr<ControllerTls> tls_;
  std::unique_ptr<Controller> controller_;
  identity::Certificate server_;
};

}  // namespace heddle::controller

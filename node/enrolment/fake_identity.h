// A controller for tests that signs what it is asked to, over real TLS.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "base/mutex.h"
#include "identity/test_credentials.h"
#include "identity/ticket.h"
#include "identity/transport.h"
#include "node/fake_controller.h"

namespace heddle::node {

class FakeIdentity final : private v1::IdentityService::Service {
 public:
  // Before the answer is made; not OK: the answer.
  using Gate = std::function<grpc::Status(const std::string& key_digest)>;
  // After it was made.
  using Twist = std::function<void(v1::IssuedCertificate* answer)>;

  // `folder` gets the controller's identity file.
  explicit FakeIdentity(
      const std::string& folder,
      FakeController::Script script = [](int, FakeController::Wire*) { return grpc::Status::OK; })
      : file_(folder + "/controller.pem") {
    Serve(authority_);
    live_ = *identity::LiveCredentials::Open(identity::IdentityFile(file_));
    controller_ = std::make_unique<FakeController>(
        std::move(script), 0, "127.0.0.1", identity::ServerCredentialsOf(live_.get()),
        static_cast<v1::IdentityService::Service*>(this));
  }
  ~FakeIdentity() override { controller_.reset(); }

  identity::Ticket Ticket(std::string id = "0123456789abcdef") const {
    return {{controller_->address()}, authority_.root().pem, std::move(id), secret_};
  }
  const identity::Authority& authority() const { return authority_; }
  FakeController& controller() { return *controller_; }

  // From now on certificates are of `next`, and both roots are believed.
  void Promote(const identity::Authority& next) {
    MutexLock lock(&mutex_);
    next_ = &next;
  }
  std::string roots() const {
    return next_ == nullptr ? authority_.root().pem : authority_.root().pem + next_->root().pem;
  }
  void set_gate(Gate gate) {
    MutexLock lock(&mutex_);
    gate_ = std::move(gate);
  }
  void set_twist(Twist twist) {
    MutexLock lock(&mutex_);
    twist_ = std::move(twist);
  }
  void set_life(absl::Duration past, absl::Duration rest) {
    MutexLock lock(&mutex_);
    past_ = past;
    rest_ = rest;
  }
  int joins() const { return joins_; }
  int renewals() const { return renewals_; }

 private:
  void Serve(const identity::Authority& authority) {
    const auto written = identity::WriteIdentityFile(
        file_, identity::MakeTestCredentials(authority, "controller/c1"));
    EXPECT_TRUE(written.ok()) << written;
  }
  grpc::Status Join(grpc::ServerContext*, const v1::JoinRequest* request,
                    v1::IssuedCertificate* answer) override {
    ++joins_;
    if (request->secret() != secret_) {
      return {grpc::StatusCode::PERMISSION_DENIED, "this ticket is not good"};
    }
    return Issue({identity::Role::kNode, request->node_id()}, request->certificate_request_pem(),
                 answer);
  }
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::IssuedCertificate* answer) override {
    ++renewals_;
    const auto shown = identity::ShownChain(*context->auth_context());
    const auto peer = identity::ParseCertificate(shown.value_or(""));
    if (!peer.ok()) return {grpc::StatusCode::UNAUTHENTICATED, "no certificate"};
    return Issue(peer->principal, request->certificate_request_pem(), answer);
  }
  grpc::Status Issue(const identity::Principal& principal, const std::string& pem,
                     v1::IssuedCertificate* answer) {
    const auto requested = identity::CheckCertificateRequest(pem);
    if (!requested.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, "no request"};
    MutexLock lock(&mutex_);
    if (gate_) {
      const grpc::Status status = gate_(requested->key_digest);
      if (!status.ok()) return status;
    }
    const absl::Time now = absl::Now();
    const identity::Authority& authority = next_ == nullptr ? authority_ : *next_;
    answer->set_chain_pem(*authority.Issue(
        requested->public_key_der, {principal, identity::NewSerial(), now - past_, now + rest_}));
    answer->set_roots_pem(roots());
    if (twist_) twist_(answer);
    return grpc::Status::OK;
  }

  const identity::Authority authority_ = identity::MakeTestAuthority();
  const std::string secret_ = identity::NewSecret();
  const std::string file_;
  std::unique_ptr<identity::LiveCredentials> live_;
  std::atomic<int> joins_{0}, renewals_{0};
  Mutex mutex_;
  const identity::Authority* next_ = nullptr;
  Gate gate_;
  Twist twist_;
  absl::Duration past_ = absl::Hours(1), rest_ = absl::Hours(1);
  std::unique_ptr<FakeController> controller_;
};

}  // namespace heddle::node

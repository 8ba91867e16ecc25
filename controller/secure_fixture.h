// Controllers that serve with TLS, in one process on one memory store, and callers with
// certificates of any kind, for tests.
#pragma once

#include <grpcpp/grpcpp.h>

#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/certificate_record.h"
#include "controller/controller.h"
#include "controller/keys.h"
#include "controller/test_cut_store.h"
#include "gtest/gtest.h"
#include "identity/credentials.h"
#include "identity/test_credentials.h"
#include "identity/transport.h"
#include "storage/etcd/test_ports.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {

struct SecureReplica {
  explicit SecureReplica(storage::Store* shared) : store(shared) {}
  CutStore store;
  std::string address, audit_log;
  std::unique_ptr<identity::LiveCredentials> credentials;
  std::unique_ptr<Controller> controller;
};

class SecureTest : public ::testing::Test {
 protected:
  using Credentials = identity::Credentials;
  using Stub = v1::AdminService::Stub;

  // c-0 leads; each has a certificate as controller/c-<number>.
  void Start(int count) {
    for (int i = 0; i < count; ++i) {
      auto replica = std::make_unique<SecureReplica>(&store_);
      replica->address = *storage::FreeEndpoint("127.0.0.1");
      replica->audit_log = absl::StrCat(folder_, "/audit-", i, ".log");
      const std::string path = absl::StrCat(folder_, "/identity-", i, ".pem");
      ASSERT_TRUE(identity::WriteIdentityFile(path, Issue(absl::StrCat("controller/c-", i))).ok());
      replica->credentials = *identity::LiveCredentials::Open(identity::IdentityFile(path));
      ControllerOptions options;
      options.listen = {replica->address};
      options.id = absl::StrCat("c-", i);
      options.advertise = replica->address;
      options.heartbeat_seconds = 1;
      options.credentials = replica->credentials.get();
      options.authority = [this] {
        return std::shared_ptr<const identity::Authority>(std::shared_ptr<void>(), &authority_);
      };
      options.audit_log = replica->audit_log;
      if (i == 0) {
        options.net_conf_json = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})";
      }
      auto controller = Controller::Start(options, &replica->store, nullptr);
      ASSERT_TRUE(controller.ok()) << controller.status();
      replica->controller = *std::move(controller);
      replicas_.push_back(std::move(replica));
    }
  }

  Credentials Issue(const std::string& principal, const identity::TestTerm& term = {}) {
    return identity::MakeTestCredentials(authority_, principal, term);
  }
  // A connection of its own; null: without a certificate.
  std::shared_ptr<grpc::Channel> Dial(std::size_t at, const Credentials* credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    identity::SetServerName({}, &arguments);
    return grpc::CreateCustomChannel(replicas_[at]->address,
                                     credentials == nullptr
                                         ? identity::ChannelCredentialsOf(authority_.root().pem)
                                         : identity::ChannelCredentialsOf(*credentials),
                                     arguments);
  }
  std::shared_ptr<grpc::Channel> Dial(std::size_t at, const std::string& principal) {
    const Credentials credentials = Issue(principal);
    return Dial(at, &credentials);
  }

  template <typename Request, typename Response>
  grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    Response response;
    return ((*v1::AdminService::NewStub(channel)).*method)(&context, request, &response);
  }

  // As the store has it after an administrator's word.
  void Commit(const IssuedCertificate& certificate) {
    storage::Transaction transaction;
    transaction.writes.push_back({storage::Write::Kind::kPut, CertificateKey(certificate.serial),
                                  EncodeCertificate(certificate)});
    std::promise<bool> applied;
    store_.Commit(std::move(transaction), [&](const absl::StatusOr<storage::Outcome>& outcome) {
      applied.set_value(outcome.ok() && outcome->kind == storage::Outcome::Kind::kApplied);
    });
    ASSERT_TRUE(applied.get_future().get());
  }
  static IssuedCertificate Record(const identity::Certificate& leaf) {
    IssuedCertificate certificate;
    certificate.serial = leaf.serial;
    certificate.principal = leaf.principal;
    certificate.not_before = leaf.not_before;
    certificate.not_after = leaf.not_after;
    certificate.key_digest = leaf.key_digest;
    certificate.issuer = leaf.issuer;
    certificate.issued_to = "test";
    return certificate;
  }
  void Revoke(const Credentials& credentials) {
    IssuedCertificate certificate = Record(credentials.leaf);
    certificate.revoked = absl::Now();
    Commit(certificate);
  }

  // "admin/alice ReserveLease n1 OK", in order.
  std::vector<std::string> AuditLines(std::size_t at) {
    std::vector<std::string> lines;
    for (const nlohmann::json& line : AuditEntries(at)) {
      lines.push_back(absl::StrCat(Text(line, "who"), " ", Text(line, "action"), " ",
                                   Text(line, "object"), " ", Text(line, "result")));
    }
    return lines;
  }
  std::vector<nlohmann::json> AuditEntries(std::size_t at) {
    std::vector<nlohmann::json> entries;
    std::ifstream file(replicas_[at]->audit_log);
    for (std::string line; std::getline(file, line);) {
      entries.push_back(nlohmann::json::parse(line));
    }
    return entries;
  }
  static std::string Text(const nlohmann::json& line, const char* field) {
    return line.contains(field) ? line[field].get<std::string>() : "";
  }

  static bool Until(const std::function<bool()>& holds) {
    for (const absl::Time end = absl::Now() + absl::Seconds(15); absl::Now() < end;) {
      if (holds()) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  const std::string folder_ = absl::StrCat(
      testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  const identity::Authority authority_ = identity::MakeTestAuthority();
  storage::MemoryStore store_;
  std::vector<std::unique_ptr<SecureReplica>> replicas_;
};

}  // namespace heddle::controller

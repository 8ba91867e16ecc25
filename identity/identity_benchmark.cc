// What security costs: making, checking and issuing certificates, and a connection with its first
// call, with TLS and without. All CPU time is the whole process's: of a connection, both ends.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/heddle/v1/identity.grpc.pb.h"
#include "identity/chain.h"
#include "identity/private_key.h"
#include "identity/test_credentials.h"
#include "identity/transport.h"

namespace heddle::identity {
namespace {

std::string MakeRequest() {
  return MakeCertificateRequest(*PrivateKey::Generate(), {Role::kNode, "h1"}).value();
}

void GenerateKeyAndRequest(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(MakeRequest());
}
BENCHMARK(GenerateKeyAndRequest)->Unit(benchmark::kMicrosecond);

void CheckRequest(benchmark::State& state) {
  const std::string request = MakeRequest();
  for (auto _ : state) benchmark::DoNotOptimize(CheckCertificateRequest(request));
}
BENCHMARK(CheckRequest)->Unit(benchmark::kMicrosecond);

// Of a client that calls for the first time in a while.
void VerifyClient(benchmark::State& state) {
  const Authority authority = MakeTestAuthority();
  const Credentials client = MakeTestCredentials(authority, "node/h1");
  for (auto _ : state) {
    if (!VerifyClientChain(client.chain_pem, authority.root().pem, absl::Now()).ok()) {
      state.SkipWithError("not believed");
    }
  }
}
BENCHMARK(VerifyClient)->Unit(benchmark::kMicrosecond);

void Issue(benchmark::State& state) {
  const Authority authority = MakeTestAuthority();
  const std::string key = CheckCertificateRequest(MakeRequest())->public_key_der;
  const IssueTerms terms = {
      {Role::kNode, "h1"}, NewSerial(), absl::Now(), absl::Now() + absl::Hours(1)};
  for (auto _ : state) benchmark::DoNotOptimize(authority.Issue(key, terms));
}
BENCHMARK(Issue)->Unit(benchmark::kMicrosecond);

// What every call costs the server that asks who is calling.
void ReadCertificate(benchmark::State& state) {
  const Credentials node = MakeTestCredentials(MakeTestAuthority(), "node/h1");
  for (auto _ : state) benchmark::DoNotOptimize(ParseCertificate(node.chain_pem));
}
BENCHMARK(ReadCertificate)->Unit(benchmark::kMicrosecond);

class Nobody final : public v1::IdentityService::Service {};

class ServedFolder {
 public:
  ServedFolder() {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    if (!WriteIdentityFile(file(), MakeTestCredentials(authority_, "controller/c1")).ok()) {
      std::abort();
    }
    live_ = LiveCredentials::Open(IdentityFile(file())).value();
  }
  ~ServedFolder() {
    live_.reset();
    std::remove(file().c_str());
    std::remove(path_.c_str());
  }
  std::string file() const { return path_ + "/identity.pem"; }
  const Authority& authority() const { return authority_; }
  const LiveCredentials* live() const { return live_.get(); }

 private:
  std::string path_ = "/tmp/identity-benchmark-XXXXXX";
  const Authority authority_ = MakeTestAuthority();
  std::unique_ptr<LiveCredentials> live_;
};

void Connect(benchmark::State& state, bool secure) {
  const ServedFolder folder;
  Nobody service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(
      "127.0.0.1:0",
      secure ? ServerCredentialsOf(folder.live()) : grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  const auto credentials =
      secure ? ChannelCredentialsOf(MakeTestCredentials(folder.authority(), "node/h1"))
             : grpc::InsecureChannelCredentials();
  for (auto _ : state) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    SetServerName({}, &arguments);
    const auto channel =
        grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port), credentials, arguments);
    grpc::ClientContext context;
    v1::IssuedCertificate answer;
    const auto status = v1::IdentityService::NewStub(channel)->Renew(&context, {}, &answer);
    if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
      state.SkipWithError(status.error_message().c_str());
    }
  }
}
BENCHMARK_CAPTURE(Connect, Tls, true)
    ->Unit(benchmark::kMicrosecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK_CAPTURE(Connect, Insecure, false)
    ->Unit(benchmark::kMicrosecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace heddle::identity

BENCHMARK_MAIN();

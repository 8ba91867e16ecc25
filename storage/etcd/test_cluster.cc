#include "storage/etcd/test_cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "grpcpp/grpcpp.h"
#include "storage/etcd/etcd.grpc.pb.h"
#include "storage/etcd/test_certificates.h"
#include "storage/etcd/test_ports.h"

namespace heddle::storage {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(40);
constexpr char kNotInstalled[] =
    "etcd is not installed: install etcd-server and etcd-client (tools/setup.sh does)";

std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint,
                                       const EtcdTestCluster::Files& files) {
  if (files.ca.empty()) return grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials());
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ReadFile(files.ca).value_or("");
  tls.pem_cert_chain = ReadFile(files.certificate).value_or("");
  tls.pem_private_key = ReadFile(files.key).value_or("");
  return grpc::CreateChannel(endpoint, grpc::SslCredentials(tls));
}

std::string EndOfFile(const std::string& path) {
  const std::string text = ReadFile(path).value_or("");
  return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

}  // namespace

EtcdTestCluster::EtcdTestCluster(Options options, std::string folder)
    : options_(std::move(options)), folder_(std::move(folder)) {}

EtcdTestCluster::~EtcdTestCluster() {
  for (int i = 0; i < size(); ++i) Kill(i);
  std::error_code ignored;  // a folder that stays in a temporary place harms nobody
  std::filesystem::remove_all(folder_, ignored);
}

absl::StatusOr<std::unique_ptr<EtcdTestCluster>> EtcdTestCluster::Start(Options options) {
  std::string parent = options.parent_folder;
  const char* given = getenv("TEST_TMPDIR");
  if (parent.empty()) parent = given != nullptr ? given : "/tmp";
  std::string folder = parent + "/etcd-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", folder));
  }
  std::unique_ptr<EtcdTestCluster> cluster(new EtcdTestCluster(std::move(options), folder));
  if (cluster->options_.with_tls) {
    HEDDLE_ASSIGN_OR_RETURN(const TestCertificates made, MakeTestCertificates(folder));
    cluster->files_ = {made.ca, made.certificate, made.key};
  }
  HEDDLE_RETURN_IF_ERROR(cluster->ChoosePorts());
  HEDDLE_RETURN_IF_ERROR(cluster->StartAll());
  return cluster;
}

absl::Status EtcdTestCluster::ChoosePorts() {
  for (int i = 0; i < options_.members; ++i) {
    const std::string address = i < static_cast<int>(options_.addresses.size())
                                    ? options_.addresses[i]
                                    : std::string("127.0.0.1");
    Member member;
    member.name = absl::StrCat("m", i);
    member.data_folder = absl::StrCat(folder_, "/", member.name);
    member.log_file = absl::StrCat(folder_, "/", member.name, ".log");
    HEDDLE_ASSIGN_OR_RETURN(member.client, FreeEndpoint(address));
    HEDDLE_ASSIGN_OR_RETURN(member.peer, FreeEndpoint(address));
    members_.push_back(std::move(member));
  }
  return absl::OkStatus();
}

absl::Status EtcdTestCluster::StartAll() {
  for (int i = 0; i < size(); ++i) HEDDLE_RETURN_IF_ERROR(Restart(i));
  return WaitUntilServing();
}

std::string EtcdTestCluster::Url(const std::string& host_port) const {
  return absl::StrCat(options_.with_tls ? "https://" : "http://", host_port);
}

// Members talk to each other in the clear: it is the clients' TLS that is tested.
std::string EtcdTestCluster::InitialCluster() const {
  return absl::StrJoin(members_, ",", [](std::string* out, const Member& member) {
    absl::StrAppend(out, member.name, "=http://", member.peer);
  });
}

std::vector<std::string> EtcdTestCluster::Arguments(const Member& member) const {
  std::vector<std::string> words = {
      "etcd",
      absl::StrCat("--name=", member.name),
      absl::StrCat("--data-dir=", member.data_folder),
      absl::StrCat("--listen-client-urls=", Url(member.client)),
      absl::StrCat("--advertise-client-urls=", Url(member.client)),
      absl::StrCat("--listen-peer-urls=http://", member.peer),
      absl::StrCat("--initial-advertise-peer-urls=http://", member.peer),
      absl::StrCat("--initial-cluster=", InitialCluster()),
      absl::StrCat("--initial-cluster-token=", folder_),
      "--logger=zap",
      "--log-level=warn",
      absl::StrCat("--log-outputs=", member.log_file)};
  if (options_.with_tls) {
    words.insert(words.end(), {"--client-cert-auth", absl::StrCat("--trusted-ca-file=", files_.ca),
                               absl::StrCat("--cert-file=", folder_, "/server.crt"),
                               absl::StrCat("--key-file=", folder_, "/server.key")});
  }
  words.insert(words.end(), options_.more_arguments.begin(), options_.more_arguments.end());
  return words;
}

absl::Status EtcdTestCluster::Restart(int member) {
  ProgramOptions options;
  options.words = Arguments(members_[member]);
  options.environment = std::vector<std::string>{"PATH=" + options.path};
  options.time_limit = absl::InfiniteDuration();
  absl::StatusOr<Program> program = Program::Start(options);
  if (absl::IsNotFound(program.status())) return absl::NotFoundError(kNotInstalled);
  HEDDLE_RETURN_IF_ERROR(program.status());
  members_[member].program.emplace(*std::move(program));
  return absl::OkStatus();
}

std::vector<std::string> EtcdTestCluster::endpoints() const {
  std::vector<std::string> all;
  for (const Member& member : members_) all.push_back(member.client);
  return all;
}

void EtcdTestCluster::Kill(int member) { members_[member].program.reset(); }

void EtcdTestCluster::Pause(int member) {
  if (runs(member)) members_[member].program->Signal(SIGSTOP);
}

void EtcdTestCluster::Continue(int member) {
  if (runs(member)) members_[member].program->Signal(SIGCONT);
}

absl::Status EtcdTestCluster::WaitUntilServing() const {
  for (const Member& member : members_) {
    if (member.program) HEDDLE_RETURN_IF_ERROR(WaitFor(member));
  }
  return absl::OkStatus();
}

absl::Status EtcdTestCluster::WaitFor(const Member& member) const {
  const absl::Time deadline = absl::Now() + kPatience;
  grpc::Status last;
  do {
    // A channel of its own each time: no back-off from when it was not up yet.
    const auto stub = etcdserverpb::KV::NewStub(Connect(member.client, files_));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
    etcdserverpb::RangeRequest request;
    request.set_key("serving");
    etcdserverpb::RangeResponse response;
    last = stub->Range(&context, request, &response);
    if (last.ok()) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(30));
  } while (absl::Now() < deadline);
  return absl::UnavailableError(absl::StrCat("etcd member ", member.name,
                                             " does not serve: ", last.error_message(),
                                             "; its log ends with:\n", EndOfFile(member.log_file)));
}

std::optional<int> EtcdTestCluster::Leader() const {
  for (int i = 0; i < size(); ++i) {
    if (!runs(i)) continue;
    const auto stub = etcdserverpb::Maintenance::NewStub(Connect(members_[i].client, files_));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(1)));
    etcdserverpb::StatusResponse status;
    if (!stub->Status(&context, {}, &status).ok()) continue;
    if (status.leader() == status.header().member_id()) return i;
  }
  return std::nullopt;
}

absl::StatusOr<std::string> EtcdTestCluster::Etcdctl(const std::vector<std::string>& words) const {
  return RunEtcdctl(absl::StrJoin(endpoints(), ","), words);
}

absl::StatusOr<std::string> EtcdTestCluster::RunEtcdctl(
    const std::string& endpoints, const std::vector<std::string>& words) const {
  ProgramOptions options;
  options.words = {"etcdctl", absl::StrCat("--endpoints=", endpoints)};
  if (options_.with_tls) {
    options.words.insert(options.words.end(), {absl::StrCat("--cacert=", files_.ca),
                                               absl::StrCat("--cert=", files_.certificate),
                                               absl::StrCat("--key=", files_.key)});
  }
  options.words.insert(options.words.end(), words.begin(), words.end());
  options.environment = std::vector<std::string>{"PATH=" + options.path, "ETCDCTL_API=3"};
  options.time_limit = kPatience;
  const absl::StatusOr<ProgramEnd> end = RunProgram(options);
  if (absl::IsNotFound(end.status())) return absl::NotFoundError(kNotInstalled);
  HEDDLE_RETURN_IF_ERROR(end.status());
  HEDDLE_RETURN_IF_ERROR(end->status());
  return end->output;
}

absl::Status EtcdTestCluster::SaveSnapshot(const std::string& file) const {
  return RunEtcdctl(members_[0].client, {"snapshot", "save", file}).status();
}

absl::Status EtcdTestCluster::RestoreSnapshot(const std::string& file) {
  for (int i = 0; i < size(); ++i) Kill(i);
  for (const Member& member : members_) {
    std::error_code error;
    std::filesystem::remove_all(member.data_folder, error);
    if (error) return absl::InternalError(absl::StrCat(member.data_folder, ": ", error.message()));
    HEDDLE_RETURN_IF_ERROR(
        Etcdctl({"snapshot", "restore", file, absl::StrCat("--name=", member.name),
                 absl::StrCat("--initial-cluster=", InitialCluster()),
                 absl::StrCat("--initial-cluster-token=", folder_),
                 absl::StrCat("--initial-advertise-peer-urls=http://", member.peer),
                 absl::StrCat("--data-dir=", member.data_folder)})
            .status());
  }
  return StartAll();
}

}  // namespace heddle::storage

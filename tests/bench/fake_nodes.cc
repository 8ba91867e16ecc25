#include "tests/bench/fake_nodes.h"

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/convert.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "identity/transport.h"

namespace heddle::bench {
namespace {

std::string NameOf(int number) { return absl::StrCat("node-", number); }

std::shared_ptr<grpc::Channel> ChannelOf(const std::string& address, const lab::Pki* pki,
                                         const std::string& name) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (pki == nullptr) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  identity::SetServerName({}, &arguments);
  return grpc::CreateCustomChannel(
      address, identity::ChannelCredentialsOf(pki->Issue("node/" + name)), arguments);
}

}  // namespace

class FakeNodes::Node {
 public:
  Node(FakeNodes* all, int number, std::shared_ptr<grpc::Channel> channel)
      : all_(all), number_(number), stub_(v1::NodeService::NewStub(channel)) {}
  ~Node() {
    context_.TryCancel();
    if (thread_.joinable()) thread_.join();
  }

  void Attach() {
    thread_ = std::thread([this] { Run(); });
  }
  void Advertise(int version) {
    const auto low = static_cast<std::uint8_t>(number_ + 1);
    Advertisement advertisement;
    advertisement.public_address[Family::kV4] = *Ip::Parse(absl::StrCat("198.18.0.", low));
    advertisement.backend_type = "vxlan";
    advertisement.vtep_mac.bytes = {2, 0, 0, 0, static_cast<std::uint8_t>(version), low};
    v1::NodeMessage message;
    *message.mutable_advertise()->mutable_advertisement() = ToProto(advertisement);
    MutexLock lock(&write_mutex_);
    stream_->Write(message);
  }
  void Cancel() { context_.TryCancel(); }

 private:
  void Run() {
    stream_ = stub_->Attach(&context_);
    v1::NodeMessage hello;
    hello.mutable_hello()->set_protocol_version(1);
    hello.mutable_hello()->set_node_id(NameOf(number_));
    hello.mutable_hello()->set_instance_id("bench");
    stream_->Write(hello);
    v1::ControllerMessage message;
    while (stream_->Read(&message)) Take(message);
    all_->Ended(NameOf(number_) + ": " + stream_->Finish().error_message());
  }

  void Take(const v1::ControllerMessage& message) {
    if (message.has_welcome()) all_->Count([](Counts* counts) { ++counts->attached; });
    for (const v1::PeerChange& change : message.chunk().changes()) {
      const Peer peer = FromProto(change.put()).value();
      peers_.insert(peer.node_id);
      if (peer.node_id == NameOf(0)) version_ = peer.advertisement.vtep_mac.bytes[4];
    }
    if (message.has_synced()) TakeSynced(message.synced());
  }

  void TakeSynced(const v1::Synced& synced) {
    v1::NodeMessage applied;
    applied.mutable_applied()->set_revision(synced.revision());
    applied.mutable_applied()->set_set_hash(synced.set_hash());
    applied.mutable_applied()->set_peers(peers_.size());
    {
      MutexLock lock(&write_mutex_);
      stream_->Write(applied);
    }
    if (!complete_ && peers_.size() == all_->nodes_.size()) {
      complete_ = true;
      all_->Count([](Counts* counts) { ++counts->complete; });
    }
    if (version_ == told_) return;
    told_ = version_;
    all_->Count([this](Counts* counts) { ++counts->told[told_]; });
  }

  FakeNodes* const all_;
  const int number_;
  const std::unique_ptr<v1::NodeService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>> stream_;
  Mutex write_mutex_;
  // Of the thread that reads.
  std::set<std::string> peers_;  // itself included
  int version_ = 0, told_ = 0;   // of node-0: as in the last chunk, and as counted
  bool complete_ = false;
  std::thread thread_;  // last: it uses the above
};

FakeNodes::FakeNodes(const std::string& address, const lab::Pki* pki, int count) {
  for (int number = 0; number < count; ++number) {
    nodes_.push_back(std::make_unique<Node>(this, number, ChannelOf(address, pki, NameOf(number))));
  }
}

FakeNodes::~FakeNodes() = default;

void FakeNodes::AttachAll() {
  for (auto& node : nodes_) node->Attach();
}

void FakeNodes::AdvertiseAll() {
  for (auto& node : nodes_) node->Advertise(0);
}

void FakeNodes::ChangeFirst(int version) { nodes_[0]->Advertise(version); }

void FakeNodes::DetachAll() {
  {
    MutexLock lock(&mutex_);
    detaching_ = true;
  }
  for (auto& node : nodes_) node->Cancel();
}

bool FakeNodes::WaitForWelcomes(absl::Duration limit) {
  return Wait(limit, nodes_.size(), [](const Counts& counts) { return counts.attached; });
}

bool FakeNodes::WaitForPeers(absl::Duration limit) {
  return Wait(limit, nodes_.size(), [](const Counts& counts) { return counts.complete; });
}

bool FakeNodes::WaitForVersion(int version, absl::Duration limit) {
  return Wait(limit, nodes_.size(), [version](const Counts& counts) {
    const auto told = counts.told.find(version);
    return told == counts.told.end() ? 0 : told->second;
  });
}

std::string FakeNodes::Failure() {
  MutexLock lock(&mutex_);
  return failure_.empty() ? "not in time" : failure_;
}

bool FakeNodes::Wait(absl::Duration limit, std::size_t many,
                     const std::function<std::size_t(const Counts&)>& count) {
  MutexLock lock(&mutex_);
  changed_.wait_for(lock.native(), absl::ToChronoMilliseconds(limit),
                    [&] { return !failure_.empty() || count(counts_) >= many; });
  return failure_.empty() && count(counts_) >= many;
}

void FakeNodes::Count(const std::function<void(Counts*)>& add) {
  MutexLock lock(&mutex_);
  add(&counts_);
  changed_.notify_all();
}

void FakeNodes::Ended(const std::string& why) {
  MutexLock lock(&mutex_);
  if (detaching_ || !failure_.empty()) return;
  failure_ = why;
  changed_.notify_all();
}

}  // namespace heddle::bench

#include "tests/chaos/observer.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/convert.h"
#include "gtest/gtest.h"

namespace heddle::chaos {
namespace {

constexpr int kFirstNumber = 50000;  // of the addresses that observers announce
constexpr int kShortestStayMs = 1000, kLongestStayMs = 8000;
constexpr absl::Duration kPause = absl::Milliseconds(100);

}  // namespace

void SetHashes::Add(const std::string& history, std::uint64_t revision, std::uint64_t hash,
                    const std::string& who) {
  MutexLock lock(&mutex_);
  const auto [said, is_new] = said_[history].emplace(revision, Said{hash, who});
  EXPECT_EQ(said->second.hash, hash)
      << who << " and " << said->second.who << " say different peers of revision " << revision;
}

std::size_t SetHashes::histories() const {
  MutexLock lock(&mutex_);
  return said_.size();
}

Observer::Observer(int number, std::uint64_t seed, std::vector<Endpoint> controllers,
                   SetHashes* hashes, Recorder* recorder)
    : number_(number),
      node_(absl::StrCat("observer-", number)),
      controllers_(std::move(controllers)),
      hashes_(hashes),
      recorder_(recorder),
      random_(seed * 1000 + 500 + static_cast<std::uint64_t>(number)) {
  for (const Endpoint& controller : controllers_) {
    channels_.push_back(ChannelTo(controller, "node/" + node_));
  }
  thread_ = std::thread([this] { Run(); });
}

Observer::~Observer() {
  stopping_ = true;
  {
    MutexLock lock(&mutex_);
    if (context_ != nullptr) context_->TryCancel();
  }
  thread_.join();
}

void Observer::StayWith(const std::string& controller) {
  MutexLock lock(&mutex_);
  stay_with_ = controller;
  if (context_ != nullptr) context_->TryCancel();
}

Observer::Seen Observer::seen() const {
  MutexLock lock(&mutex_);
  return seen_;
}

void Observer::Run() {
  while (!stopping_) {
    std::size_t choice = random_() % controllers_.size();
    {
      MutexLock lock(&mutex_);
      for (std::size_t i = 0; i < controllers_.size(); ++i) {
        if (controllers_[i].name == stay_with_) choice = i;
      }
    }
    AttachOnce(choice);
    absl::SleepFor(kPause);
  }
}

void Observer::AttachOnce(std::size_t choice) {
  if (!Connects(channels_[choice].get())) return;
  const Endpoint& controller = controllers_[choice];
  grpc::ClientContext context;
  {
    MutexLock lock(&mutex_);
    context_ = &context;
    if (stay_with_.empty()) {
      const auto stay = kShortestStayMs + random_() % (kLongestStayMs - kShortestStayMs);
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(stay));
    }
  }
  asked_ = absl::Now();
  subnet_.clear();
  const auto stub = v1::NodeService::NewStub(channels_[choice]);
  const auto stream = stub->Attach(&context);
  v1::NodeMessage hello = HelloOf(node_, "observer");
  hello.mutable_hello()->mutable_resume()->set_history(history_);
  hello.mutable_hello()->mutable_resume()->set_revision(replica_.revision);
  hello.mutable_hello()->set_set_hash(replica_.hash());
  stream->Write(hello);
  stream->Write(AdvertiseOf(kFirstNumber + number_));
  v1::ControllerMessage message;
  while (!stopping_ && stream->Read(&message)) Take(controller, message, stream.get());
  context.TryCancel();
  const grpc::Status status = stream->Finish();
  EXPECT_NE(status.error_code(), grpc::StatusCode::ABORTED)
      << node_ << " at " << controller.name << ": " << status.error_message();
  if (subnet_.empty()) WriteDown(controller, nullptr);
  MutexLock lock(&mutex_);
  context_ = nullptr;
}

// The lease that was told; null: the stream ended before.
void Observer::WriteDown(const Endpoint& controller, const v1::OwnLease* lease) {
  Operation operation;
  operation.kind = Operation::Kind::kAcquire;
  operation.outcome = lease != nullptr ? Operation::Outcome::kOk : Operation::Outcome::kUnknown;
  operation.client = absl::StrCat(node_, " at ", controller.name);
  operation.node = node_;
  operation.invoked = asked_;
  operation.completed = absl::Now();
  if (lease != nullptr) {
    const absl::StatusOr<Peer> self = FromProto(lease->self());
    ASSERT_TRUE(self.ok()) << operation.client
                           << " is told a lease that is none: " << self.status();
    operation.subnet = self->subnets[Family::kV4]->ToString();
    if (operation.subnet == subnet_) return;  // said before
    subnet_ = operation.subnet;
  }
  recorder_->Add(std::move(operation));
}

void Observer::Take(const Endpoint& controller, const v1::ControllerMessage& message,
                    Stream* stream) {
  const std::string who = absl::StrCat(controller.name, " (to ", node_, ")");
  if (message.has_welcome()) {
    EXPECT_TRUE(history_.empty() || history_ == message.welcome().history())
        << who << " has another history than before";
    history_ = message.welcome().history();
  }
  if (message.has_own_lease()) WriteDown(controller, &message.own_lease());
  replica_.Take(message.SerializeAsString());
  if (message.has_heartbeat() && message.heartbeat().revision() > 0) {
    EXPECT_GE(message.heartbeat().revision(), replica_.revision) << who << " went back";
    hashes_->Add(history_, message.heartbeat().revision(), message.heartbeat().set_hash(), who);
  }
  if (message.has_synced()) {
    hashes_->Add(history_, message.synced().revision(), message.synced().set_hash(), who);
  }
  if (!message.has_synced() && !message.has_heartbeat()) return;
  v1::NodeMessage applied;
  applied.mutable_applied()->set_revision(replica_.revision);
  applied.mutable_applied()->set_set_hash(replica_.hash());
  applied.mutable_applied()->set_peers(replica_.peers.size());
  stream->Write(applied);
  MutexLock lock(&mutex_);
  if (seen_.controller != controller.name) ++seen_.attachments;
  seen_.controller = controller.name;
  seen_.revision = replica_.revision;
  seen_.set_hash = replica_.hash();
  seen_.snapshots = replica_.snapshots;
}

}  // namespace heddle::chaos

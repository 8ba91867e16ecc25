#include "tests/chaos/asking.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/convert.h"
#include "gtest/gtest.h"
#include "identity/transport.h"

namespace heddle::chaos {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

// Longer than a leader is missed for, shorter than a controller waits for one.
constexpr std::chrono::seconds kPatience(4);
constexpr int kReconnectMs = 200;
// For TCP and TLS together, beside all the others that come back after a fault.
constexpr int kHandshakeMs = 2000;

// Only what says that nothing was done is a failure. Who is told that there is no such lease knows
// what a release would have told: it may well be an earlier attempt of the controllers that did it.
Outcome OutcomeOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
    case grpc::StatusCode::NOT_FOUND:
      return Outcome::kOk;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Outcome::kFailed;
    default:
      return Outcome::kUnknown;
  }
}

std::string TextOf(const v1::Prefix& prefix) {
  const absl::StatusOr<Prefix> parsed = FromProto(prefix);
  if (parsed.ok()) return parsed->ToString();
  ADD_FAILURE() << "a controller answers with a subnet that is none: " << parsed.status();
  return "";
}

void SetLimit(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + kPatience);
}

}  // namespace

bool Connects(grpc::Channel* channel) {
  return channel->WaitForConnected(std::chrono::system_clock::now() +
                                   std::chrono::milliseconds(300));
}

std::shared_ptr<grpc::Channel> ChannelTo(const Endpoint& controller, const std::string& principal) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kHandshakeMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2 * kReconnectMs);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  identity::SetServerName({}, &arguments);
  return grpc::CreateCustomChannel(controller.address,
                                   identity::ChannelCredentialsOf(controller.pki->Issue(principal)),
                                   arguments);
}

v1::NodeMessage HelloOf(const std::string& node, const std::string& instance) {
  v1::NodeMessage message;
  message.mutable_hello()->set_protocol_version(1);
  message.mutable_hello()->set_node_id(node);
  message.mutable_hello()->set_instance_id(instance);
  return message;
}

v1::NodeMessage AdvertiseOf(int number) {
  Advertisement advertisement;
  const auto high = static_cast<std::uint8_t>(number / 250);
  const auto low = static_cast<std::uint8_t>(number % 250 + 1);
  advertisement.public_address[Family::kV4] = *Ip::Parse(absl::StrCat("198.18.", high, ".", low));
  advertisement.backend_type = "vxlan";
  advertisement.vtep_mac.bytes = {0x02, 0, 0, 0, high, low};
  v1::NodeMessage message;
  *message.mutable_advertise()->mutable_advertisement() = ToProto(advertisement);
  return message;
}

Asking::Asking(const std::string& client, const Endpoint& controller, Recorder* recorder)
    : client_(absl::StrCat(client, " at ", controller.name)),
      recorder_(recorder),
      controller_(controller),
      channel_(ChannelTo(controller, "admin/" + client)),
      admin_(v1::AdminService::NewStub(channel_)) {}

bool Asking::Connects() { return chaos::Connects(channel_.get()); }

Operation Asking::Begin(Kind kind, const std::string& node, const std::string& subnet) const {
  Operation operation;
  operation.kind = kind;
  operation.client = client_;
  operation.node = node;
  operation.subnet = subnet;
  operation.invoked = absl::Now();
  return operation;
}

void Asking::End(const grpc::Status& status, Operation operation) {
  operation.completed = absl::Now();
  operation.outcome = OutcomeOf(status);
  operation.error = status.error_message();
  if (operation.outcome == Outcome::kOk && operation.revision > 0) {
    // What was answered before is in every later answer: a write is read by who made it.
    EXPECT_GE(operation.revision, revision_) << client_ << " was answered an older revision";
    revision_ = std::max(revision_, operation.revision);
  }
  if (operation.kind == Kind::kList && operation.outcome != Outcome::kOk) return;
  recorder_->Add(std::move(operation));
}

std::string Asking::Attach(const std::string& node, int number) {
  const auto channel = ChannelTo(controller_, "node/" + node);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() +
                                 std::chrono::milliseconds(kHandshakeMs))) {
    return "";
  }
  Operation operation = Begin(Kind::kAcquire, node, "");
  grpc::ClientContext context;
  SetLimit(&context);
  const auto stub = v1::NodeService::NewStub(channel);
  const auto stream = stub->Attach(&context);
  stream->Write(HelloOf(node, absl::StrCat(client_, " ", ++attachments_)));
  stream->Write(AdvertiseOf(number));
  std::string subnet;
  v1::ControllerMessage message;
  while (subnet.empty() && stream->Read(&message)) {
    if (message.has_own_lease()) subnet = TextOf(message.own_lease().self().ipv4_subnet());
  }
  context.TryCancel();
  const grpc::Status status = stream->Finish();
  operation.subnet = subnet;
  End(subnet.empty() ? status : grpc::Status::OK, operation);
  return subnet;
}

std::string Asking::Reserve(const std::string& node, const std::string& subnet) {
  Operation operation = Begin(Kind::kAcquire, node, subnet);
  v1::ReserveLeaseRequest request;
  request.set_node_id(node);
  if (!subnet.empty()) *request.add_subnets() = ToProto(*Prefix::Parse(subnet));
  v1::LeaseResponse response;
  grpc::ClientContext context;
  SetLimit(&context);
  const grpc::Status status = admin_->ReserveLease(&context, request, &response);
  if (status.ok()) {
    operation.subnet = TextOf(response.lease().ipv4_subnet());
    operation.revision = response.revision();
  }
  End(status, operation);
  return status.ok() ? operation.subnet : "";
}

bool Asking::Release(const std::string& node) {
  Operation operation = Begin(Kind::kRelease, node, "");
  v1::ReleaseLeaseRequest request;
  request.set_node_id(node);
  v1::LeaseResponse response;
  grpc::ClientContext context;
  SetLimit(&context);
  const grpc::Status status = admin_->ReleaseLease(&context, request, &response);
  operation.written = status.ok();
  operation.revision = response.revision();
  End(status, operation);
  return status.ok() || status.error_code() == grpc::StatusCode::NOT_FOUND;
}

bool Asking::RemoveNode(const std::string& node) {
  Operation operation = Begin(Kind::kRelease, node, "");
  v1::NodeRequest request;
  request.set_node_id(node);
  v1::RevisionResponse response;
  grpc::ClientContext context;
  SetLimit(&context);
  const grpc::Status status = admin_->RemoveNode(&context, request, &response);
  // Its revision is one to wait for: not always that of the store.
  End(status, operation);
  return status.ok() || status.error_code() == grpc::StatusCode::NOT_FOUND;
}

std::map<std::string, std::string> Asking::List(bool newest) {
  Operation operation = Begin(Kind::kList, "", "");
  v1::ListLeasesResponse response;
  grpc::ClientContext context;
  SetLimit(&context);
  const grpc::Status status = admin_->ListLeases(&context, v1::ListLeasesRequest(), &response);
  EXPECT_TRUE(status.ok() || !newest) << client_ << ": " << status.error_message();
  for (const v1::Lease& lease : response.leases()) {
    const std::string subnet = TextOf(lease.ipv4_subnet());
    const auto [other, is_new] = operation.owners.emplace(subnet, lease.node_id());
    EXPECT_TRUE(is_new) << client_ << " lists " << subnet << " of " << lease.node_id() << " and of "
                        << other->second;
  }
  operation.revision = response.revision();
  operation.may_be_old = !newest;
  End(status, operation);
  return operation.owners;
}

}  // namespace heddle::chaos

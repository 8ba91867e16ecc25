// Between shared bytes, Abseil's statuses and gRPC's types.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"
#include "controller/frames.h"

namespace heddle::controller {

// A buffer that shares the frame's bytes: nothing is copied, and the frame lives as long as gRPC
// needs it.
grpc::ByteBuffer ToByteBuffer(const Frame& frame);

// False when the bytes are no message of that type.
bool ParseByteBuffer(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message);

// host:port as people write it, of what gRPC calls a peer: "ipv4:192.0.2.1:4000" and
// "ipv6:%5B2001:db8::1%5D:4000". Other kinds of peer stay as they are.
std::string PeerAddress(const std::string& peer);

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace heddle::controller

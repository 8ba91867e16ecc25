// Between shared bytes, Abseil's statuses and gRPC's types.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "controller/frames.h"

namespace heddle::controller {

// A buffer that shares the frame's bytes: nothing is copied, and the frame lives as long as gRPC
// needs it.
grpc::ByteBuffer ToByteBuffer(const Frame& frame);

// False when the bytes are no message of that type.
bool ParseByteBuffer(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message);

grpc::Status ToGrpc(const absl::Status& status);

}  // namespace heddle::controller

#include "controller/grpc_bytes.h"

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace heddle::controller {

grpc::ByteBuffer ToByteBuffer(const Frame& frame) {
  auto* held = new Frame(frame);
  const grpc::Slice slice(
      const_cast<char*>(frame->data()), frame->size(),
      [](void* user_data) { delete static_cast<Frame*>(user_data); }, held);
  return grpc::ByteBuffer(&slice, 1);
}

bool ParseByteBuffer(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite* message) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  if (slices.size() == 1) {
    return message->ParseFromArray(slices[0].begin(), static_cast<int>(slices[0].size()));
  }
  std::string whole;
  for (const grpc::Slice& slice : slices) {
    whole.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return message->ParseFromString(whole);
}

std::string PeerAddress(const std::string& peer) {
  absl::string_view address = peer;
  if (!absl::ConsumePrefix(&address, "ipv4:") && !absl::ConsumePrefix(&address, "ipv6:")) {
    return peer;
  }
  // The brackets, and the sign before a zone, are what gRPC writes as in a URI.
  return absl::StrReplaceAll(address, {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
}

grpc::Status ToGrpc(const absl::Status& status) {
  // The codes are the same numbers by design of both.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace heddle::controller

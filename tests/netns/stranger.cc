// A client that attaches to a controller as whatever node it is told, with whatever certificate it
// is given, and checks none of it: that is the controller's work. Prints what became of it, one
// line each: "attached" at the first message, and when the stream ends the status, as
// "PERMISSION_DENIED: why".
//
//   stranger CONTROLLER IDENTITY-FILE NODE-ID SECONDS    proves what the file says
//   stranger CONTROLLER --none=ROOTS NODE-ID SECONDS     has no certificate, believes these roots
//
// It leaves after so many seconds.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "base/file.h"
#include "identity/credentials.h"
#include "identity/transport.h"

namespace heddle {
namespace {

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(const std::string& word) {
  absl::string_view roots = word;
  if (absl::ConsumePrefix(&roots, "--none=")) {
    const absl::StatusOr<std::string> pem = ReadFile(std::string(roots));
    if (!pem.ok()) return pem.status();
    return identity::ChannelCredentialsOf(*pem);
  }
  const auto credentials = identity::LoadCredentials(identity::IdentityFile(word));
  if (!credentials.ok()) return credentials.status();
  return identity::ChannelCredentialsOf(*credentials);
}

const char* NameOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAUTHENTICATED:
      return "UNAUTHENTICATED";
    case grpc::StatusCode::PERMISSION_DENIED:
      return "PERMISSION_DENIED";
    case grpc::StatusCode::UNAVAILABLE:
      return "UNAVAILABLE";
    default:
      return "OTHER";
  }
}

int Attach(const std::string& controller,
           const std::shared_ptr<grpc::ChannelCredentials>& credentials, const std::string& node_id,
           std::chrono::seconds patience) {
  grpc::ChannelArguments arguments;
  identity::SetServerName({}, &arguments);
  const auto stub =
      v1::NodeService::NewStub(grpc::CreateCustomChannel(controller, credentials, arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + patience);
  const auto stream = stub->Attach(&context);
  v1::NodeMessage hello;
  hello.mutable_hello()->set_protocol_version(1);
  hello.mutable_hello()->set_node_id(node_id);
  hello.mutable_hello()->set_instance_id("stranger");
  stream->Write(hello);
  v1::ControllerMessage message;
  if (stream->Read(&message)) {
    std::cout << "attached" << std::endl;
    while (stream->Read(&message)) {
    }
  }
  const grpc::Status status = stream->Finish();
  std::cout << NameOf(status.error_code()) << ": " << status.error_message() << std::endl;
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace heddle

int main(int argc, char** argv) {
  int seconds = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[4], &seconds)) {
    std::cerr << "stranger CONTROLLER IDENTITY-FILE|--none=ROOTS NODE-ID SECONDS\n";
    return 2;
  }
  const auto credentials = heddle::CredentialsOf(argv[2]);
  if (!credentials.ok()) {
    std::cerr << credentials.status() << "\n";
    return 2;
  }
  return heddle::Attach(argv[1], *credentials, argv[3], std::chrono::seconds(seconds));
}

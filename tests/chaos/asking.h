// The calls of a client to one controller, each written down with what came of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "api/heddle/v1/admin.grpc.pb.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "tests/chaos/recorder.h"
#include "tests/chaos/world.h"

namespace heddle::chaos {

// A channel of `principal` ("admin/client-1", "node/h1") that finds its way back soon after a
// fault.
std::shared_ptr<grpc::Channel> ChannelTo(const Endpoint& controller, const std::string& principal);
// Waits a moment for the connection. To be asked before each call: a call that finds none fails at
// once, and gRPC gets on with a handshake only while somebody waits, else every five seconds.
bool Connects(grpc::Channel* channel);

// What a node without a kernel says first.
v1::NodeMessage HelloOf(const std::string& node, const std::string& instance);
// With the address of a host that is not there; `number` is below 60000.
v1::NodeMessage AdvertiseOf(int number);

// Not thread-safe. Every call has a time limit, after which its outcome is unknown.
class Asking {
 public:
  // `client` is named in reports, and the administrator's name.
  Asking(const std::string& client, const Endpoint& controller, Recorder* recorder);

  // Whether there is a connection. A call without one is of no use: it would have no answer.
  bool Connects();
  // Attaches as a node without a kernel until its lease is told, and leaves; the subnet, or "".
  std::string Attach(const std::string& node, int number);
  // A lease for a node that is not here; `subnet` "": any. The subnet, or "".
  std::string Reserve(const std::string& node, const std::string& subnet);
  // Whether it is answered, and the node has none now.
  bool Release(const std::string& node);
  bool RemoveNode(const std::string& node);
  // What stands in the answer, written down as read from a copy that may be old, or as `newest`.
  std::map<std::string, std::string> List(bool newest = false);

 private:
  Operation Begin(Operation::Kind kind, const std::string& node, const std::string& subnet) const;
  // With the outcome that follows from the status.
  void End(const grpc::Status& status, Operation operation);

  const std::string client_;
  Recorder* const recorder_;
  const Endpoint controller_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::AdminService::Stub> admin_;
  std::uint64_t revision_ = 0;  // the greatest that this controller has answered
  int attachments_ = 0;
};

}  // namespace heddle::chaos

// Operations on links, addresses, FDB, neighbours, nexthops and routes, many in one system call and
// in order.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "node/dataplane/codec/codec.h"
#include "node/dataplane/dataplane.h"
#include "node/dataplane/netlink_socket.h"
#include "node/dataplane/operation_batch.h"

namespace heddle::node {

// Owned and called by one thread.
class RtnetlinkWriter {
 public:
  explicit RtnetlinkWriter(NetlinkSocket socket) : socket_(std::move(socket)) {}

  // Starts a run of operations whose failures go to `failures`, which must outlive the run. What
  // was known of links' indexes is forgotten.
  void Start(std::vector<Failure>* failures);
  // Queues an operation, and sends what waits once it is enough. `operation` must live until Flush.
  template <typename Key, typename Value>
  void Add(const Operation& operation, const Key& key, const Value& value);
  // Sends what waits.
  void Flush();

  NetlinkSocket* socket() { return &socket_; }
  std::uint32_t port() const { return socket_.port(); }

 private:
  void AddLink(const Operation& operation, const std::string& name, const Link& link);
  // Makes a TUN device, and queues what gives it its MTU.
  void MakeTun(const Operation& operation, const std::string& name, const Link& link);
  // The index of `name`, asked of the kernel once in a run; NotFound when there is no such link.
  absl::StatusOr<int> IndexOf(const std::string& name);
  // The present MAC of a link of ours; zero when it cannot be told.
  Mac MacOf(const std::string& name);
  void FailWith(const Operation& operation, const absl::Status& status);
  void Refused(const Operation& operation, const NetlinkSocket::Refusal& refusal);

  NetlinkSocket socket_;
  OperationBatch batch_;
  std::vector<Failure>* failures_ = nullptr;
  absl::flat_hash_map<std::string, int> indexes_;  // 0: there is no such link
  // What foreigners hold under keys that we wanted: neither replaced nor removed by us later. As
  // Describe'd keys, over all runs.
  absl::flat_hash_set<std::string> foreign_;
};

}  // namespace heddle::node

// For tests: two hosts in network namespaces of their own with a wire between them, and a forwarder
// for each, which all run in this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/ip.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/descriptor.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/forwarder.h"

namespace heddle::node::forwarder {

// One of the two; number 1 or 2.
class TestHost {
 public:
  static constexpr char kDevice[] = "heddle.udp";
  static constexpr std::uint16_t kPort = 8285;

  explicit TestHost(int number);

  int number() const { return number_; }
  static Ip UnderlayAddress(int number, Family family);  // 192.0.2.<n>, 2001:db8::<n>
  static Prefix Subnet(int number, Family family);       // 10.1.<n>.0/24, fd00:<n>::/64
  // In its subnet, on its TUN device.
  static Ip PodAddress(int number, Family family) { return Subnet(number, family).at(1); }

  // Runs a command line in its namespace; an error holds what it printed.
  absl::Status Run(const std::string& command) const;
  absl::StatusOr<std::string> OutputOf(const std::string& command) const;
  // Runs `f` with the calling thread in its namespace.
  template <typename F>
  auto In(F&& f) const {
    Enter(netns_);
    auto result = f();
    Enter(home_);
    return result;
  }

  // Opens the TUN device and the sockets, and what a forwarder is to be told so that it serves the
  // other host. The device gets its addresses and routes.
  void Open(int queues);
  const control::Request::Change& change() const { return change_; }
  // A copy of the descriptors that go with it.
  std::vector<Descriptor> Descriptors() const;
  // Of the sockets, also where they are used already.
  void LimitSendBuffers(int bytes) const;

 private:
  static void Enter(const Descriptor& netns);

  const int number_;
  Descriptor home_, netns_;
  control::Request::Change change_;
  std::vector<Descriptor> descriptors_;
};

class TwoHosts {
 public:
  // Moves the calling thread into a private network, in which all of it is.
  TwoHosts();

  TestHost& host(int number) { return number == 1 ? *one_ : *two_; }
  TestHost& other(int number) { return host(3 - number); }

 private:
  std::unique_ptr<TestHost> one_, two_;
};

}  // namespace heddle::node::forwarder

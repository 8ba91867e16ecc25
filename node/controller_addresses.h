// Where the controllers are: the addresses given, and those that names stand for. A name may have
// many addresses, of both families, and others tomorrow.
//
// Names are looked up on a thread of its own, since that may take as long as the name servers like.
// What is not known anew stays as it was known last.
//
// One thread owns it; `found` is called from another.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::node {

// One address to connect to.
struct Endpoint {
  std::string target;  // as gRPC wants it: ipv4:192.0.2.1:7411, ipv6:[2001:db8::1]:7411
  std::string host;    // as it was given, without brackets and port
  std::string name;    // for people: as it was given, and for a name also its address

  friend bool operator==(const Endpoint& a, const Endpoint& b) { return a.target == b.target; }
};

// Where a controller is sought when nobody says.
inline constexpr char kDefaultController[] = "127.0.0.1:7411";

// "host:port" each, "[v6 address]:port" too, separated by commas. InvalidArgument names the one
// that is wrong, or says that there is none.
absl::StatusOr<std::vector<std::string>> ParseControllers(absl::string_view text);

// Numeric addresses of a host name. Blocks.
using Resolve = std::function<absl::StatusOr<std::vector<std::string>>(const std::string& host)>;
// The system's own, by getaddrinfo(3): /etc/hosts, DNS and what else nsswitch.conf says.
absl::StatusOr<std::vector<std::string>> ResolveBySystem(const std::string& host);

class ControllerAddresses {
 public:
  // `controllers`: host:port or [address]:port each, as ParseControllers let through. `found` is
  // called after each lookup and must not block.
  ControllerAddresses(const std::vector<std::string>& controllers, Resolve resolve,
                      std::function<void()> found);
  ~ControllerAddresses();  // waits for no lookup

  // Looks all names up, unless that is under way; returns at once.
  void LookUp();
  bool looking_up() const;
  // All that is known, each address once. Empty: nothing but names that never resolved.
  std::vector<Endpoint> Known() const;
  // What the last lookup could not find; names the host.
  absl::Status status() const;

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // the lookup's thread may outlive this
};

}  // namespace heddle::node

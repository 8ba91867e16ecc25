#include "node/controller_addresses.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/ip.h"
#include "base/mutex.h"
#include "base/program.h"

namespace heddle::node {
namespace {

// More than any cluster has controllers; bounds what a name server can make a node try.
constexpr std::size_t kMaxAddresses = 32;

struct Name {
  std::string given, host, port;
  std::vector<std::string> addresses;  // as resolved last; of an address: itself
  bool is_address = false;
};

// An IPv6 address may have a zone, which the Ip type has not.
bool IsAddress(const std::string& host) {
  return absl::StrContains(host, ':') || Ip::Parse(host).ok();
}

Name ParseName(const std::string& given) {
  const auto colon = given.rfind(':');
  absl::string_view host = absl::string_view(given).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  Name name{given, std::string(host), given.substr(colon + 1), {}, false};
  name.is_address = IsAddress(name.host);
  if (name.is_address) name.addresses = {name.host};
  return name;
}

Endpoint MakeEndpoint(const Name& name, const std::string& address) {
  Endpoint endpoint;
  endpoint.host = name.host;
  const bool v6 = absl::StrContains(address, ':');
  // The target is a URI, where a zone's % is written so.
  endpoint.target =
      v6 ? absl::StrCat("ipv6:[", absl::StrReplaceAll(address, {{"%", "%25"}}), "]:", name.port)
         : absl::StrCat("ipv4:", address, ":", name.port);
  endpoint.name = name.is_address ? name.given : absl::StrCat(name.given, " (", address, ")");
  return endpoint;
}

}  // namespace

struct ControllerAddresses::State {
  Resolve resolve;
  Mutex mutex;
  std::function<void()> found ABSL_GUARDED_BY(mutex);  // null: nobody wants to know any more
  std::vector<Name> names ABSL_GUARDED_BY(mutex);
  bool looking_up ABSL_GUARDED_BY(mutex) = false;
  absl::Status status ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<std::vector<std::string>> ParseControllers(absl::string_view text) {
  std::vector<std::string> controllers;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipWhitespace())) {
    part = absl::StripAsciiWhitespace(part);
    const auto colon = part.rfind(':');
    const absl::string_view host = colon == part.npos ? part : part.substr(0, colon);
    int port = 0;
    const bool port_ok = colon != part.npos && absl::SimpleAtoi(part.substr(colon + 1), &port) &&
                         port > 0 && port < 65536;
    const bool bracketed = !host.empty() && host.front() == '[' && host.back() == ']';
    if (host.empty() || !port_ok || (!bracketed && host.find(':') != host.npos)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", Excerpt(part, 300),
                       "' is not host:port, such as 10.0.0.1:7411 or [2001:db8::1]:7411"));
    }
    controllers.emplace_back(part);
  }
  if (controllers.empty()) {
    return absl::InvalidArgumentError("name at least one controller, as host:port");
  }
  return controllers;
}

absl::StatusOr<std::vector<std::string>> ResolveBySystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return absl::UnavailableError(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    char text[NI_MAXHOST];
    const int error =
        getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
    if (error == 0) addresses.emplace_back(text);
  }
  if (addresses.empty()) return absl::UnavailableError("it has no address");
  return addresses;
}

ControllerAddresses::ControllerAddresses(const std::vector<std::string>& controllers,
                                         Resolve resolve, std::function<void()> found)
    : state_(std::make_shared<State>()) {
  state_->resolve = std::move(resolve);
  MutexLock lock(&state_->mutex);
  state_->found = std::move(found);
  for (const std::string& controller : controllers) {
    state_->names.push_back(ParseName(controller));
  }
}

ControllerAddresses::~ControllerAddresses() {
  MutexLock lock(&state_->mutex);
  state_->found = nullptr;
}

void ControllerAddresses::LookUp() {
  {
    MutexLock lock(&state_->mutex);
    const bool any = std::any_of(state_->names.begin(), state_->names.end(),
                                 [](const Name& name) { return !name.is_address; });
    if (!any || std::exchange(state_->looking_up, true)) return;
  }
  // Detached: a lookup cannot be broken off, and nobody is to wait for one when the program ends.
  std::thread([state = state_] { Run(state); }).detach();
}

void ControllerAddresses::Run(const std::shared_ptr<State>& state) {
  std::vector<Name> names;
  {
    MutexLock lock(&state->mutex);
    names = state->names;
  }
  absl::Status failed;
  for (Name& name : names) {
    if (name.is_address) continue;
    absl::StatusOr<std::vector<std::string>> addresses = state->resolve(name.host);
    if (addresses.ok()) {
      name.addresses = *std::move(addresses);
    } else if (failed.ok()) {
      failed = absl::Status(addresses.status().code(),
                            absl::StrCat("the controllers' name '", name.host,
                                         "' cannot be resolved: ", addresses.status().message()));
    }
  }
  MutexLock lock(&state->mutex);
  state->names = std::move(names);
  state->status = std::move(failed);
  state->looking_up = false;
  if (state->found) state->found();
}

bool ControllerAddresses::looking_up() const {
  MutexLock lock(&state_->mutex);
  return state_->looking_up;
}

absl::Status ControllerAddresses::status() const {
  MutexLock lock(&state_->mutex);
  return state_->status;
}

std::vector<Endpoint> ControllerAddresses::Known() const {
  MutexLock lock(&state_->mutex);
  std::vector<Endpoint> known;
  for (const Name& name : state_->names) {
    for (const std::string& address : name.addresses) {
      Endpoint endpoint = MakeEndpoint(name, address);
      const bool is_new = std::find(known.begin(), known.end(), endpoint) == known.end();
      if (is_new && known.size() < kMaxAddresses) known.push_back(std::move(endpoint));
    }
  }
  return known;
}

}  // namespace heddle::node

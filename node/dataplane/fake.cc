#include "node/dataplane/fake.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "node/state/dependents.h"
#include "node/state/kernel_model.h"

namespace heddle::node {
namespace {

std::vector<std::string> LinksOn(const NetworkState& state, const std::string& lower) {
  std::vector<std::string> names;
  for (const auto& [name, link] : state.links) {
    if (LowerOf(link) == lower) names.push_back(name);
  }
  return names;
}

template <typename Table, typename Predicate>
void EraseIf(Table* table, Predicate predicate) {
  for (auto it = table->begin(); it != table->end();) {
    it = predicate(*it) ? table->erase(it) : std::next(it);
  }
}

}  // namespace

FakeDataplane::FakeDataplane(std::uint64_t seed, absl::btree_set<std::string> host_links)
    : random_(seed), host_links_(std::move(host_links)) {}

bool FakeDataplane::Happens(double probability) {
  return probability > 0 && std::uniform_real_distribution<>(0, 1)(random_) < probability;
}

absl::StatusOr<NetworkState> FakeDataplane::Read() {
  ++read_count_;
  if (Happens(faults.read_probability)) {
    return absl::AbortedError("the tables changed while they were read (injected)");
  }
  return state_;
}

std::vector<Failure> FakeDataplane::Apply(const std::vector<Operation>& operations) {
  std::vector<Failure> failures;
  for (const Operation& operation : operations) {
    absl::Status status = faults.refuse ? faults.refuse(operation) : absl::OkStatus();
    if (status.ok() && Happens(faults.refuse_probability)) {
      status = absl::UnavailableError("no memory (injected)");
    }
    if (status.ok()) status = Admit(state_, host_links_, operation);
    if (status.ok()) {
      ApplyTo(&state_, {operation});
      ++operation_count_;
    } else {
      const std::string text = absl::StrCat(operation.ToString(), ": ", status.message());
      failures.push_back({operation, absl::Status(status.code(), text)});
    }
  }
  return failures;
}

void FakeDataplane::CycleUnderlay(const std::string& host_link) {
  DropWithLinkDown(&state_, host_link);
}

void FakeDataplane::DeleteUnderlay(const std::string& host_link) {
  for (const std::string& link : LinksOn(state_, host_link)) DropWithLink(&state_, link);
  DropWithLink(&state_, host_link);
  host_links_.erase(host_link);
}

void FakeDataplane::RestoreUnderlay(const std::string& host_link) { host_links_.insert(host_link); }

void FakeDataplane::CycleLink(const std::string& link) { DropWithLinkDown(&state_, link); }

void FakeDataplane::SetMac(const std::string& link, const Mac& mac) {
  const auto found = state_.links.find(link);
  if (found == state_.links.end()) return;
  found->second.mac = mac;
  DropWithMac(&state_, link);
}

void FakeDataplane::FlushAddresses(const std::string& link) {
  const auto is_ipv4 = [](const Ip& ip) { return ip.family() == Family::kV4; };
  EraseIf(&state_.addresses, [&](const auto& a) { return a.first.link == link; });
  EraseIf(&state_.neighbours,
          [&](const auto& n) { return n.first.link == link && is_ipv4(n.first.address); });
  EraseIf(&state_.routes, [&](const auto& r) {
    return LinkOf(state_, r.first, r.second) == link && is_ipv4(r.first.destination.base());
  });
}

void FakeDataplane::SetMtu(const std::string& link, int mtu_bytes) {
  const auto found = state_.links.find(link);
  if (found != state_.links.end()) found->second.mtu_bytes = mtu_bytes;
}

void FakeDataplane::FlushRoutes() { state_.routes.clear(); }
void FakeDataplane::DeleteLink(const std::string& link) { DropWithLink(&state_, link); }
void FakeDataplane::FlushRules() { state_.rules.clear(); }
void FakeDataplane::Reboot() { state_ = NetworkState(); }

}  // namespace heddle::node

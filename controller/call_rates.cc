#include "controller/call_rates.h"

#include "absl/strings/str_cat.h"
#include "controller/remote_host.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

using identity::Role;

// Nodes have certificates, so there are no more than a cluster has; strangers are whoever they
// like.
constexpr std::size_t kMaxNodes = 1 << 18, kMaxPeople = 4096, kMaxStrangers = 1 << 16;
constexpr Rate kLogged{1, 0.1};

}  // namespace

CallRates::CallRates(absl::Time now)
    : nodes_(kNodeCalls, kMaxNodes, now),
      people_(kPersonCalls, kMaxPeople, now),
      strangers_(kStrangerCalls, kMaxStrangers, now),
      logged_(kLogged, now) {}

absl::Status CallRates::Take(const Caller& caller, absl::Time now) {
  const bool is_known = !caller.principal.name.empty();
  const Role role = caller.principal.role;
  if (is_known && role == Role::kController) return absl::OkStatus();
  const std::string who =
      is_known ? caller.who() : absl::StrCat("whoever is at ", RemoteHost(caller.remote_address));
  bool is_logged = false;
  {
    MutexLock lock(&mutex_);
    TokenBuckets& rates = !is_known ? strangers_ : role == Role::kNode ? nodes_ : people_;
    if (rates.Take(who, now)) return absl::OkStatus();
    is_logged = logged_.Take(now);
  }
  const absl::Status status =
      absl::ResourceExhaustedError(absl::StrCat("'", who, "' calls too often; try again later"));
  if (is_logged) spdlog::warn("refused: {}", std::string(status.message()));
  return status;
}

}  // namespace heddle::controller

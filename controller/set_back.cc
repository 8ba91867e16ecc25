#include "controller/set_back.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kClaimsLast = absl::Minutes(1);
constexpr absl::Duration kHistoriesApart = absl::Minutes(10);
// A message names this many; nothing is gained by remembering more.
constexpr std::size_t kMaxClaims = 8;

}  // namespace

SetBack::~SetBack() {
  if (thread_.joinable()) thread_.join();
}

void SetBack::OnClaim(const Claim& claim, const storage::Position& store, bool only_holder,
                      absl::Time now) {
  Forget(store, now);
  if (claims_.size() == kMaxClaims && !claims_.contains(claim.node_id)) return;
  const bool is_new = claims_.insert_or_assign(claim.node_id, Said{claim.revision, now}).second;
  if (is_new) {
    spdlog::error("node '{}' has applied revision {} of history '{}', but the store is at {}",
                  claim.node_id, claim.revision, store.history, store.revision);
  }
  if (claims_.size() < 2 && !only_holder) return;
  const storage::History history = store_->Describe().history;
  if (history.id != store.history || now < history.began + kHistoriesApart) {
    if (is_new) {
      spdlog::error("no new history is begun: the present one is of {}",
                    absl::FormatTime(history.began));
    }
    return;
  }
  if (beginning_.exchange(true)) return;
  std::string named;
  for (const auto& [node_id, said] : claims_) {
    absl::StrAppend(&named, named.empty() ? "'" : ", '", node_id, "' (", said.revision, ")");
  }
  spdlog::error(
      "the store was set back: it is at revision {} of history '{}', and more was applied by the "
      "nodes {}. A new history is begun; nodes keep their subnets where these are free",
      store.revision, store.history, named);
  claims_.clear();
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this] {
    const absl::Status begun = store_->StartNewHistory();
    if (!begun.ok()) {
      spdlog::error("cannot begin a new history, and will try again when nodes come back: {}",
                    std::string(begun.message()));
    }
    beginning_ = false;
  });
}

// What is old, or what the store has come to by now.
void SetBack::Forget(const storage::Position& store, absl::Time now) {
  for (auto it = claims_.begin(); it != claims_.end();) {
    const bool stale = it->second.at + kClaimsLast < now || it->second.revision <= store.revision;
    it = stale ? claims_.erase(it) : std::next(it);
  }
}

}  // namespace heddle::controller

#include "controller/writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/keys.h"
#include "controller/store_feed.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kPageRecords = 1000;
constexpr int kListAttempts = 3;

// What nodes must hear when one book takes another's place.
BookChanges Difference(const LeaseBook& before, const LeaseBook& after) {
  BookChanges changes;
  for (const auto& [id, lease] : before.leases()) {
    const Lease* now = after.Find(id);
    if (lease.advertisement && (now == nullptr || !now->advertisement)) {
      changes.peers.push_back({id, std::nullopt});
    }
  }
  for (const auto& [id, lease] : after.leases()) {
    if (lease.advertisement) changes.peers.push_back({id, lease.ToPeer()});
  }
  changes.network_changed = before.network() != after.network();
  return changes;
}

class PostingListener final : public storage::LeadershipListener {
 public:
  PostingListener(std::function<void(std::function<void()>)> post,
                  std::function<void(storage::Fence)> elected, std::function<void()> deposed,
                  std::function<void(std::optional<storage::Member>)> leader)
      : post_(std::move(post)),
        elected_(std::move(elected)),
        deposed_(std::move(deposed)),
        leader_(std::move(leader)) {}
  void OnElected(storage::Fence fence) override {
    post_([elected = elected_, fence = std::move(fence)] { elected(fence); });
  }
  void OnDeposed() override { post_(deposed_); }
  void OnLeader(std::optional<storage::Member> leader) override {
    post_([tell = leader_, leader = std::move(leader)] { tell(leader); });
  }

 private:
  const std::function<void(std::function<void()>)> post_;
  const std::function<void(storage::Fence)> elected_;
  const std::function<void()> deposed_;
  const std::function<void(std::optional<storage::Member>)> leader_;
};

}  // namespace

Writer::Writer(Options options, Wiring wiring)
    : options_(std::move(options)), wiring_(std::move(wiring)), book_(options_.policy) {}

Writer::~Writer() {
  feed_.reset();
  candidacy_.reset();
}

absl::Status Writer::Start() {
  HEDDLE_ASSIGN_OR_RETURN(Listing listing, ListAll());
  history_ = listing.position.history;
  const BookChanges changes = book_.Apply(listing.position.revision, listing.changes);
  for (const std::string& problem : changes.problems) spdlog::error("{}", problem);
  std::vector<Peer> peers;
  for (const auto& [id, lease] : book_.leases()) {
    if (lease.advertisement) peers.push_back(lease.ToPeer());
  }
  TakeCertificates(listing.changes);
  wiring_.hub->Load(listing.position, peers, book_.network());
  TakeMarks(listing.changes);
  BeginSettling();
  HEDDLE_RETURN_IF_ERROR(FollowFeed());
  listener_ = std::make_unique<PostingListener>(
      wiring_.post, [this](storage::Fence fence) { OnElected(std::move(fence)); },
      [this] { OnDeposed(); },
      [this](std::optional<storage::Member> leader) { OnLeader(std::move(leader)); });
  HEDDLE_ASSIGN_OR_RETURN(candidacy_, wiring_.store->Campaign(options_.self, listener_.get()));
  next_upkeep_ = wiring_.clock->Now() + options_.upkeep_every;
  return absl::OkStatus();
}

// All records of the local copy, at one position: what is newer comes with the feed.
absl::StatusOr<Writer::Listing> Writer::ListAll() {
  absl::Status last;
  for (int attempt = 0; attempt < kListAttempts; ++attempt) {
    Listing listing;
    std::string cursor;
    do {
      auto page = wiring_.store->List(/*prefix=*/"", cursor, kPageRecords,
                                      storage::Store::Consistency::kLocal);
      last = page.status();
      if (!last.ok()) break;
      listing.position = page->position;
      for (storage::Record& record : page->records) {
        listing.changes.push_back({std::move(record), /*deleted=*/false});
      }
      cursor = std::move(page->next_cursor);
    } while (!cursor.empty());
    if (last.ok()) return listing;
    // The listing's position went out of reach between two pages: from the start again.
    if (!absl::IsFailedPrecondition(last)) break;
  }
  return absl::Status(last.code(), absl::StrCat("cannot list the store: ", last.message()));
}

absl::Status Writer::FollowFeed() {
  auto feed = std::make_unique<StoreFeed>(this);
  HEDDLE_ASSIGN_OR_RETURN(
      std::unique_ptr<storage::Subscription> subscription,
      wiring_.store->Subscribe(/*prefix=*/"", {history_, book_.revision()}, feed.get()));
  feed->Hold(std::move(subscription));
  feed_ = std::move(feed);
  return absl::OkStatus();
}

// After the feed broke: a new book from a new listing, the difference published as one change, and
// the feed followed from there.
absl::Status Writer::Resynchronise() {
  HEDDLE_ASSIGN_OR_RETURN(Listing listing, ListAll());
  if (listing.position.history != history_) {
    failure_ = absl::DataLossError(absl::StrCat(
        "the store has begun another history ('", listing.position.history, "' instead of '",
        history_, "'), as after a restore; the controller must start anew"));
    return failure_;
  }
  LeaseBook fresh(options_.policy);
  BookChanges changes = fresh.Apply(listing.position.revision, listing.changes);
  for (const std::string& problem : changes.problems) spdlog::error("{}", problem);
  changes = Difference(book_, fresh);
  for (const TaskPtr& task : flying_) fresh.Claim(task->decision);
  book_ = std::move(fresh);
  ReplaceCertificates(listing.changes);
  marks_ = RestoreMarks();
  TakeMarks(listing.changes);
  Publish(changes);
  HEDDLE_RETURN_IF_ERROR(FollowFeed());
  spdlog::info("following the store again from revision {}", book_.revision());
  ResolveParked();
  ResumeHeld();
  return absl::OkStatus();
}

void Writer::OnBatch(storage::Revision revision, const std::vector<storage::Change>& changes) {
  if (revision <= book_.revision()) return;  // the listing had it
  const BookChanges effects = book_.Apply(revision, changes);
  for (const std::string& problem : effects.problems) spdlog::error("{}", problem);
  TakeCertificates(changes);
  TakeMarks(changes);
  Publish(effects);
  ResolveParked();
}

void Writer::Publish(const BookChanges& changes) {
  for (const PeerChange& change : changes.peers) {
    if (book_.Find(change.node_id) == nullptr) moved_to_.erase(change.node_id);
  }
  const bool announced =
      wiring_.hub->Publish(book_.revision(), changes, book_.network(), wiring_.clock->Now());
  if (announced && wiring_.published) wiring_.published(changes);
}

void Writer::OnFeedEnded(const absl::Status& why) {
  spdlog::warn("the store's feed ended ({}); reading the store anew", std::string(why.message()));
  feed_.reset();
  const absl::Status status = Resynchronise();
  if (!status.ok()) {
    spdlog::error("cannot follow the store, will try again: {}", std::string(status.message()));
  }
  StartWaiting();
}

void Writer::Acquire(AcquireRequest request, std::function<void(absl::StatusOr<LeaseGrant>)> done) {
  EnqueueAcquire(std::move(request), /*here=*/false, std::move(done));
}

void Writer::AcquireHere(AcquireRequest request,
                         std::function<void(absl::StatusOr<LeaseGrant>)> done) {
  EnqueueAcquire(std::move(request), /*here=*/true, std::move(done));
}

void Writer::Reserve(std::string node_id, std::vector<Prefix> subnets,
                     std::function<void(absl::StatusOr<LeaseGrant>)> done) {
  Enqueue(
      Scope::kNode, node_id,
      [this, node_id, subnets = std::move(subnets)](absl::Time now) {
        return book_.DecideReserve(node_id, subnets, now, settling_now());
      },
      [this, node_id, done = std::move(done)](absl::StatusOr<Committed> result) {
        done(Granted(node_id, result));
      });
}

absl::StatusOr<LeaseGrant> Writer::Granted(const std::string& node_id,
                                           const absl::StatusOr<Committed>& result) const {
  if (!result.ok()) return result.status();
  const Lease* lease = book_.Find(node_id);
  if (lease == nullptr) {
    return absl::AbortedError(
        absl::StrCat("the lease of node '", node_id, "' was ended as soon as it was made"));
  }
  return LeaseGrant{*lease, result->revision};
}

void Writer::Release(std::string node_id, std::function<void(absl::StatusOr<Committed>)> done) {
  // After an attempt that may have been committed, "none" is what was asked for.
  auto tried = std::make_shared<bool>(false);
  Enqueue(
      Scope::kNode, node_id,
      [this, node_id, tried](absl::Time now) {
        absl::StatusOr<Decision> decision = book_.DecideRelease(node_id, now);
        if (absl::IsNotFound(decision.status()) && *tried)
          return absl::StatusOr<Decision>(Decision());
        *tried = true;
        return decision;
      },
      std::move(done));
}

void Writer::SetNetwork(Network network, std::string source_json,
                        std::function<void(absl::StatusOr<Committed>)> done,
                        std::optional<std::uint64_t> net_conf_digest, bool drain) {
  Enqueue(
      Scope::kNetwork, "",
      [this, network = std::move(network), source_json = std::move(source_json), net_conf_digest,
       drain](absl::Time now) {
        return book_.DecideSetNetwork(network, source_json, now, net_conf_digest, drain);
      },
      std::move(done));
}

void Writer::Renumber(std::string node_id, bool finish,
                      std::function<void(absl::StatusOr<LeaseGrant>)> done) {
  Enqueue(
      Scope::kNode, node_id,
      [this, node_id, finish](absl::Time now) {
        return finish ? book_.DecideFinishRenumber(node_id, now)
                      : book_.DecideRenumber(node_id, now, settling_now());
      },
      [this, node_id, done = std::move(done)](const absl::StatusOr<Committed>& result) {
        done(Granted(node_id, result));
      });
}

}  // namespace heddle::controller

#include "storage/rocksdb/database_slot.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/status_macros.h"

namespace heddle::storage {
namespace {

constexpr std::size_t kPageLimit = 4096;

// Only differences of it are used.
absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

absl::StatusOr<Page> DatabaseSlot::List(absl::string_view prefix, absl::string_view cursor,
                                        std::size_t limit) {
  if (limit == 0) return absl::InvalidArgumentError("a page of at most 0 records was asked for");
  Cursor at;
  if (!cursor.empty()) {
    const auto parsed = Cursor::Parse(cursor, prefix);
    if (!parsed) return absl::InvalidArgumentError("the cursor is not of a listing of this prefix");
    at = *parsed;
  }
  return With([&](const Database& database) -> absl::StatusOr<Page> {
    HEDDLE_ASSIGN_OR_RETURN(const Listing listing,
                            cursor.empty() ? StartListing(database) : ResumeListing(at.listing));
    bool more = false;
    Page page;
    page.position = listing.position;
    HEDDLE_ASSIGN_OR_RETURN(page.records, database.Scan(listing.snapshot.get(), prefix, at.last_key,
                                                        std::min(limit, kPageLimit), &more));
    if (more) {
      if (cursor.empty()) at.listing = KeepListing(listing);
      at.last_key = page.records.back().key;
      page.next_cursor = at.ToString();
    } else {
      MutexLock lock(&listings_mutex_);
      listings_.Remove(at.listing);
    }
    return page;
  });
}

absl::StatusOr<DatabaseSlot::Listing> DatabaseSlot::StartListing(const Database& database) const {
  Listing listing;
  listing.snapshot = database.TakeSnapshot();
  HEDDLE_ASSIGN_OR_RETURN(const Meta meta, database.ReadMeta(listing.snapshot.get()));
  listing.position = meta.position();
  return listing;
}

absl::StatusOr<DatabaseSlot::Listing> DatabaseSlot::ResumeListing(std::uint64_t id) {
  MutexLock lock(&listings_mutex_);
  const Listing* listing = listings_.Find(id, SteadyNow());
  if (listing == nullptr) {
    return absl::FailedPreconditionError("the listing is no longer held; start it again");
  }
  return *listing;
}

std::uint64_t DatabaseSlot::KeepListing(const Listing& listing) {
  MutexLock lock(&listings_mutex_);
  return listings_.Add(listing, SteadyNow());
}

void DatabaseSlot::EndListings() {
  MutexLock lock(&listings_mutex_);
  listings_.Clear();
}

void DatabaseSlot::Replace(const std::function<std::unique_ptr<Database>()>& open) {
  const std::unique_lock<std::shared_mutex> lock(mutex_);
  EndListings();
  database_.reset();
  database_ = open();
}

}  // namespace heddle::storage

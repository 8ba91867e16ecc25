// Holds the database that is open now, so that readers in other threads keep off while the engine
// closes and reopens it, and the listings that stand on its snapshots.
//
// A std::shared_mutex, because readers must not wait for each other. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "storage/open_listings.h"
#include "storage/rocksdb/database.h"

namespace heddle::storage {

class DatabaseSlot {
 public:
  explicit DatabaseSlot(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  ~DatabaseSlot() { listings_.Clear(); }  // before the database its snapshots are of

  // Calls `read` with the database; Unavailable when none is open.
  template <typename Read>
  auto With(const Read& read) -> decltype(read(std::declval<const Database&>())) {
    const std::shared_lock<std::shared_mutex> lock(mutex_);
    if (database_ == nullptr) {
      return absl::UnavailableError("the database is being reopened after a failed write");
    }
    return read(*database_);
  }

  absl::StatusOr<Page> List(absl::string_view prefix, absl::string_view cursor, std::size_t limit);

  // None is continued.
  void EndListings();

  // Closes the database and puts what `open` returns in its place, which may be null.
  void Replace(const std::function<std::unique_ptr<Database>()>& open);

  // For the thread that calls Replace; null when none is open.
  Database* get() const { return database_.get(); }

 private:
  struct Listing {
    Snapshot snapshot;
    Position position;
  };
  absl::StatusOr<Listing> StartListing(const Database& database) const;
  absl::StatusOr<Listing> ResumeListing(std::uint64_t id);
  std::uint64_t KeepListing(const Listing& listing);

  std::shared_mutex mutex_;
  std::unique_ptr<Database> database_;  // changed only while mutex_ is held exclusively

  Mutex listings_mutex_;
  // A snapshot keeps old versions of records on disk, so an abandoned listing must end.
  OpenListings<Listing> listings_ ABSL_GUARDED_BY(listings_mutex_){/*capacity=*/64,
                                                                   /*idle_limit=*/absl::Minutes(1)};
};

}  // namespace heddle::storage

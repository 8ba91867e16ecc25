// The listings of one engine that are between two pages: a bounded number, each forgotten after it
// was not asked for a while. A cursor is the listing's number and the last key given.
//
// Not thread-safe. Time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle::storage {

struct Cursor {
  std::uint64_t listing = 0;
  std::string last_key;

  std::string ToString() const { return absl::StrCat(listing, ":", last_key); }

  // Nothing when `text` is no cursor of a listing under `prefix`.
  static std::optional<Cursor> Parse(absl::string_view text, absl::string_view prefix) {
    const auto colon = text.find(':');
    Cursor cursor;
    if (colon == text.npos || !absl::SimpleAtoi(text.substr(0, colon), &cursor.listing)) return {};
    cursor.last_key = std::string(text.substr(colon + 1));
    if (cursor.last_key.compare(0, prefix.size(), prefix.data(), prefix.size()) != 0) return {};
    return cursor;
  }
};

// `State` is what keeps the listing's position readable.
template <typename State>
class OpenListings {
 public:
  OpenListings(std::size_t capacity, absl::Duration idle_limit)
      : capacity_(capacity), idle_limit_(idle_limit) {}

  // Keeps `state`, for which the least recently used listing may have to go.
  std::uint64_t Add(State state, absl::Time now) {
    Expire(now);
    if (open_.size() >= capacity_) Remove(LeastRecentlyUsed());
    open_.emplace(next_id_, Open{std::move(state), now});
    return next_id_++;
  }

  // Null when the listing is no longer held.
  const State* Find(std::uint64_t id, absl::Time now) {
    Expire(now);
    const auto it = open_.find(id);
    if (it == open_.end()) return nullptr;
    it->second.used = now;
    return &it->second.state;
  }

  void Remove(std::uint64_t id) { open_.erase(id); }
  void Clear() { open_.clear(); }

 private:
  struct Open {
    State state;
    absl::Time used;
  };

  void Expire(absl::Time now) {
    for (auto it = open_.begin(); it != open_.end();) {
      it = now - it->second.used > idle_limit_ ? open_.erase(it) : std::next(it);
    }
  }

  std::uint64_t LeastRecentlyUsed() const {
    auto oldest = open_.begin();
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      if (it->second.used < oldest->second.used) oldest = it;
    }
    return oldest->first;
  }

  const std::size_t capacity_;
  const absl::Duration idle_limit_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Open> open_;
};

}  // namespace heddle::storage

// What a watch says, put together: fragments joined, events grouped by revision, what was seen
// before dropped. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/etcd/etcd.pb.h"
#include "storage/store.h"

namespace heddle::storage {

struct WatchedRevision {  // everything that one revision changed under the prefix
  Revision revision = 0;
  std::vector<etcdserverpb::Event> events;
};

class WatchAssembler {
 public:
  struct Step {
    std::vector<WatchedRevision> revisions;  // complete, ascending
    bool is_open = false;                    // the answer to the request
    // The watch is over. When compacted: what it was to begin with is no longer held by etcd, which
    // has all from here on. Otherwise `why`.
    bool is_over = false;
    std::optional<Revision> compacted;
    std::string why;
  };

  // Only revisions above `last` are in what it returns.
  Step Take(etcdserverpb::WatchResponse response, Revision last);

 private:
  std::vector<etcdserverpb::Event> fragments_;
};

}  // namespace heddle::storage

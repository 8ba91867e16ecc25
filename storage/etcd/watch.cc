#include "storage/etcd/watch.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace heddle::storage {
namespace {

using etcdserverpb::Event;

// A key changes once in a revision; old versions of etcd are known to repeat events.
void Add(Event event, WatchedRevision* to) {
  const bool repeated = std::any_of(to->events.begin(), to->events.end(), [&](const Event& seen) {
    return seen.kv().key() == event.kv().key();
  });
  if (!repeated) to->events.push_back(std::move(event));
}

std::vector<WatchedRevision> Group(std::vector<Event> events, Revision last) {
  std::vector<WatchedRevision> groups;
  for (Event& event : events) {
    const auto revision =
        static_cast<Revision>(std::max<std::int64_t>(event.kv().mod_revision(), 0));
    if (revision <= last) continue;
    if (groups.empty() || groups.back().revision < revision) groups.push_back({revision, {}});
    // One that goes back inside an answer belongs to a revision that is complete already.
    if (groups.back().revision == revision) Add(std::move(event), &groups.back());
  }
  return groups;
}

}  // namespace

WatchAssembler::Step WatchAssembler::Take(etcdserverpb::WatchResponse response, Revision last) {
  Step step;
  step.is_open = response.created() && !response.canceled();
  if (response.canceled()) {
    step.is_over = true;
    step.why = response.cancel_reason();
    // etcd gives no reason for this one.
    if (response.compact_revision() > 0) step.compacted = response.compact_revision();
    return step;
  }
  std::move(response.mutable_events()->begin(), response.mutable_events()->end(),
            std::back_inserter(fragments_));
  // The last part of a fragmented answer, as one that is whole, ends with a whole revision.
  if (!response.fragment()) step.revisions = Group(std::exchange(fragments_, {}), last);
  return step;
}

}  // namespace heddle::storage

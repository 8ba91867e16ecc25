#include "storage/etcd/listing.h"

#include <iterator>
#include <memory>
#include <utility>

#include "storage/etcd/keys.h"

namespace heddle::storage {
namespace {

constexpr std::int64_t kPage = 500;

struct Listing : std::enable_shared_from_this<Listing> {
  EtcdClient* client;
  etcdserverpb::RangeRequest request;
  std::vector<etcdserverpb::KeyValue> found;
  std::function<void(absl::StatusOr<std::vector<etcdserverpb::KeyValue>>)> done;

  void Next() {
    client->Range(request, [self = shared_from_this()](auto page) { self->Take(std::move(page)); });
  }

  void Take(absl::StatusOr<etcdserverpb::RangeResponse> page) {
    if (!page.ok()) return done(page.status());
    const bool more = page->more() && page->kvs_size() > 0;
    if (more) request.set_key(page->kvs(page->kvs_size() - 1).key() + std::string(1, '\0'));
    std::move(page->mutable_kvs()->begin(), page->mutable_kvs()->end(), std::back_inserter(found));
    if (more) return Next();
    done(std::move(found));
  }
};

}  // namespace

void ListAll(EtcdClient* client, const std::string& prefix, std::int64_t revision,
             std::function<void(absl::StatusOr<std::vector<etcdserverpb::KeyValue>>)> done) {
  auto listing = std::make_shared<Listing>();
  listing->client = client;
  listing->request.set_key(prefix);
  listing->request.set_range_end(PrefixEnd(prefix));
  listing->request.set_revision(revision);
  listing->request.set_limit(kPage);
  listing->done = std::move(done);
  listing->Next();
}

}  // namespace heddle::storage

// Reads all keys under a prefix at one revision, page by page.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/etcd/client.h"

namespace heddle::storage {

// `done` as EtcdClient's callbacks. OutOfRange: the revision has been compacted meanwhile.
void ListAll(EtcdClient* client, const std::string& prefix, std::int64_t revision,
             std::function<void(absl::StatusOr<std::vector<etcdserverpb::KeyValue>>)> done);

}  // namespace heddle::storage

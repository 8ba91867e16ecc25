#include "storage/etcd/session_requests.h"

#include "storage/etcd/keys.h"
#include "storage/etcd/session.h"

namespace heddle::storage {
namespace {

namespace pb = etcdserverpb;

// The numbers of etcd's enumerations (etcd.proto).
constexpr int kEqual = 0;
constexpr int kCreateRevision = 1;
constexpr int kModRevision = 2;

pb::Compare* AddCompare(pb::TxnRequest* request, const std::string& key, int target) {
  pb::Compare* const compare = request->add_compare();
  compare->set_result(kEqual);
  compare->set_target(target);
  compare->set_key(key);
  return compare;
}

void AddPut(pb::TxnRequest* request, const std::string& key, const std::string& value,
            std::int64_t lease) {
  pb::PutRequest* const put = request->add_success()->mutable_request_put();
  put->set_key(key);
  put->set_value(value);
  put->set_lease(lease);
}

}  // namespace

SessionRequests::SessionRequests(const std::string& prefix, const Member& self)
    : leader_key_(EtcdKeys(prefix).leader),
      entry_key_(EtcdKeys(prefix).members + self.id),
      value_(EncodeMember(self)) {}

pb::TxnRequest SessionRequests::PutEntry(std::int64_t lease, std::int64_t modified) const {
  pb::TxnRequest request;
  AddCompare(&request, entry_key_, kModRevision)->set_mod_revision(modified);
  AddPut(&request, entry_key_, value_, lease);
  request.add_failure()->mutable_request_range()->set_key(entry_key_);
  return request;
}

pb::TxnRequest SessionRequests::Campaign(std::int64_t lease) const {
  pb::TxnRequest request;
  AddCompare(&request, leader_key_, kCreateRevision)->set_create_revision(0);
  AddPut(&request, leader_key_, value_, lease);
  return request;
}

pb::TxnRequest SessionRequests::DeleteLead(std::int64_t created) const {
  pb::TxnRequest request;
  AddCompare(&request, leader_key_, kCreateRevision)->set_create_revision(created);
  request.add_success()->mutable_request_delete_range()->set_key(leader_key_);
  return request;
}

SessionRequests::Seen SessionRequests::FirstRead(const pb::TxnResponse& response) {
  if (response.responses().empty() || response.responses(0).response_range().kvs().empty()) {
    return {};
  }
  const pb::KeyValue& kv = response.responses(0).response_range().kvs(0);
  return {DecodeMember(kv.value()).value_or(Member()), kv.lease(), kv.mod_revision()};
}

}  // namespace heddle::storage

// Between the book's values and the records kept in the store. What is read back is checked like
// any other input: a store may have been written by another release, or by hand.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/lease_book.h"
#include "controller/rollout.h"
#include "storage/store.h"

namespace heddle::controller {

std::string EncodeLease(const Lease& lease);
// Of a record under kNodePrefix. InvalidArgument says what cannot be read; also when the record
// belongs to another key.
absl::StatusOr<Lease> DecodeLease(const storage::Record& record);

// A subnet held (`resting_until` infinite) or resting.
struct SubnetHolder {
  std::string node_id;
  absl::Time resting_until = absl::InfiniteFuture();
};
std::string EncodeSubnet(const SubnetHolder& holder);
absl::StatusOr<SubnetHolder> DecodeSubnet(const storage::Record& record);

// Whose an address is by an administrator's word.
std::string EncodeAddressOwner(const std::string& node_id);
absl::StatusOr<std::string> DecodeAddressOwner(const storage::Record& record);

struct StoredNetwork {
  StagedNetwork staged;
  std::string source_json;
  std::uint64_t net_conf_digest = 0;
};
std::string EncodeNetwork(const StoredNetwork& stored);
absl::StatusOr<StoredNetwork> DecodeNetwork(const storage::Record& record);

}  // namespace heddle::controller

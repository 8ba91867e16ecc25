#include "controller/lease_record.h"

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/heddle/v1/identity.pb.h"
#include "api/heddle/v1/records.pb.h"
#include "base/status_macros.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

template <typename Message>
absl::StatusOr<Message> Parse(const storage::Record& record) {
  Message message;
  if (!message.ParseFromString(record.value)) {
    return absl::InvalidArgumentError("the value is not a record of its kind");
  }
  return message;
}

v1::NetworkRecord::Rollout StageToProto(RolloutStage stage) {
  switch (stage) {
    case RolloutStage::kPreparing:
      return v1::NetworkRecord::PREPARING;
    case RolloutStage::kRetiring:
      return v1::NetworkRecord::RETIRING;
    case RolloutStage::kSettled:
      break;
  }
  return v1::NetworkRecord::SETTLED;
}

absl::StatusOr<RolloutStage> StageFromProto(v1::NetworkRecord::Rollout rollout) {
  switch (rollout) {
    case v1::NetworkRecord::SETTLED:
      return RolloutStage::kSettled;
    case v1::NetworkRecord::PREPARING:
      return RolloutStage::kPreparing;
    case v1::NetworkRecord::RETIRING:
      return RolloutStage::kRetiring;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("rollout: this release does not know the stage ", rollout));
  }
}

}  // namespace

std::string EncodeLease(const Lease& lease) {
  v1::LeaseRecord record;
  record.set_node_id(lease.node_id);
  SubnetsToProto(lease.subnets, &record);
  DrainingToProto(lease.draining_subnets, &record);
  if (lease.advertisement) *record.mutable_advertisement() = ToProto(*lease.advertisement);
  record.set_expires_unix_ms(lease.reserved ? 0 : ToUnixMs(lease.expires));
  record.set_reserved(lease.reserved);
  return record.SerializeAsString();
}

absl::StatusOr<Lease> DecodeLease(const storage::Record& record) {
  HEDDLE_ASSIGN_OR_RETURN(const v1::LeaseRecord message, Parse<v1::LeaseRecord>(record));
  HEDDLE_RETURN_IF_ERROR(ValidateNodeId(message.node_id()));
  if (NodeKey(message.node_id()) != record.key) {
    return absl::InvalidArgumentError(
        absl::StrCat("the record is of the node '", message.node_id(), "'"));
  }
  Lease lease;
  lease.node_id = message.node_id();
  HEDDLE_ASSIGN_OR_RETURN(lease.subnets, SubnetsFromProto(message));
  HEDDLE_ASSIGN_OR_RETURN(lease.draining_subnets, DrainingFromProto(message));
  if (message.has_advertisement()) {
    HEDDLE_ASSIGN_OR_RETURN(lease.advertisement, FromProto(message.advertisement()));
  }
  lease.reserved = message.reserved();
  lease.expires = lease.reserved ? absl::InfiniteFuture() : FromUnixMs(message.expires_unix_ms());
  lease.modified = record.modified;
  return lease;
}

std::string EncodeSubnet(const SubnetHolder& holder) {
  v1::SubnetRecord record;
  record.set_node_id(holder.node_id);
  record.set_resting_until_unix_ms(ToUnixMs(holder.resting_until));
  return record.SerializeAsString();
}

absl::StatusOr<SubnetHolder> DecodeSubnet(const storage::Record& record) {
  HEDDLE_ASSIGN_OR_RETURN(const v1::SubnetRecord message, Parse<v1::SubnetRecord>(record));
  HEDDLE_RETURN_IF_ERROR(ValidateNodeId(message.node_id()));
  return SubnetHolder{message.node_id(), FromUnixMs(message.resting_until_unix_ms())};
}

std::string EncodeAddressOwner(const std::string& node_id) {
  v1::AddressRecord record;
  record.set_node_id(node_id);
  return record.SerializeAsString();
}

absl::StatusOr<std::string> DecodeAddressOwner(const storage::Record& record) {
  HEDDLE_ASSIGN_OR_RETURN(const v1::AddressRecord message, Parse<v1::AddressRecord>(record));
  HEDDLE_RETURN_IF_ERROR(ValidateNodeId(message.node_id()));
  return message.node_id();
}

std::string EncodeNetwork(const StoredNetwork& stored) {
  v1::NetworkRecord record;
  *record.mutable_network() = ToProto(stored.staged.network);
  record.set_rollout(StageToProto(stored.staged.stage));
  record.set_rollout_unix_ms(absl::ToUnixMillis(stored.staged.since));
  record.set_rollout_turned_round(stored.staged.turned_round);
  record.set_source_json(stored.source_json);
  record.set_net_conf_digest(stored.net_conf_digest);
  return record.SerializeAsString();
}

absl::StatusOr<StoredNetwork> DecodeNetwork(const storage::Record& record) {
  HEDDLE_ASSIGN_OR_RETURN(const v1::NetworkRecord message, Parse<v1::NetworkRecord>(record));
  StagedNetwork staged;
  HEDDLE_ASSIGN_OR_RETURN(staged.network, FromProto(message.network()));
  HEDDLE_ASSIGN_OR_RETURN(staged.stage, StageFromProto(message.rollout()));
  staged.since = absl::FromUnixMillis(message.rollout_unix_ms());
  staged.turned_round = message.rollout_turned_round();
  if ((staged.stage == RolloutStage::kSettled) == staged.network.standby.has_value()) {
    return absl::InvalidArgumentError(
        "rollout: a standby is there exactly while a change of the backend is under way");
  }
  return StoredNetwork{std::move(staged), message.source_json(), message.net_conf_digest()};
}

}  // namespace heddle::controller

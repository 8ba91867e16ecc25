#include "absl/strings/str_cat.h"
#include "storage/etcd/member.pb.h"
#include "storage/etcd/session.h"

namespace heddle::storage {

std::string EncodeMember(const Member& member) {
  etcd::MemberValue value;
  value.set_id(member.id);
  value.set_address(member.address);
  value.set_version(member.version);
  return value.SerializeAsString();
}

absl::StatusOr<Member> DecodeMember(absl::string_view bytes) {
  etcd::MemberValue value;
  if (!value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || value.id().empty()) {
    return absl::DataLossError(
        "a key among the controllers in etcd holds none; something else writes under the prefix");
  }
  return Member{value.id(), value.address(), value.version()};
}

}  // namespace heddle::storage

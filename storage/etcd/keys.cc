#include "storage/etcd/keys.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/etcd/stored.pb.h"

namespace heddle::storage {

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(1, '\0');
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

EtcdKeys::EtcdKeys(const std::string& p)
    : prefix(p),
      records(p + "data/"),
      leader(p + "leader"),
      members(p + "member/"),
      history(p + "history"),
      barrier(p + "barrier") {}

std::string EtcdKeys::Record(absl::string_view key) const { return absl::StrCat(records, key); }

EtcdKeys::Name EtcdKeys::Parse(absl::string_view key) const {
  if (absl::ConsumePrefix(&key, records)) return {Kind::kRecord, key};
  if (absl::ConsumePrefix(&key, members)) return {Kind::kMember, key};
  if (key == leader) return {Kind::kLeader, {}};
  if (key == history) return {Kind::kHistory, {}};
  if (key == barrier) return {Kind::kBarrier, {}};
  return {};
}

std::string EncodeHistory(const History& history) {
  etcd::HistoryValue value;
  value.set_id(history.id);
  value.set_began_unix_ms(absl::ToUnixMillis(history.began));
  value.set_restored(history.restored);
  return value.SerializeAsString();
}

absl::StatusOr<History> DecodeHistory(absl::string_view bytes) {
  etcd::HistoryValue value;
  if (!value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || value.id().empty()) {
    return absl::DataLossError("the key 'history' in etcd holds no history of Heddle's");
  }
  return History{value.id(), absl::FromUnixMillis(value.began_unix_ms()), value.restored()};
}

}  // namespace heddle::storage

#include "node/dataplane/rules.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/dataplane/nft_program.h"
#include "node/dataplane/rules_text.h"

namespace heddle::node {
namespace {

constexpr std::uint16_t MessageType(int message) { return (NFNL_SUBSYS_NFTABLES << 8) | message; }

nfgenmsg Header(std::uint8_t address_family) { return {address_family, NFNETLINK_V0, 0}; }

}  // namespace

absl::StatusOr<Rules> Rules::Open() {
  HEDDLE_ASSIGN_OR_RETURN(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_NETFILTER));
  return Rules(std::move(socket));
}

absl::StatusOr<std::optional<std::uint32_t>> Rules::Generation() {
  MessageBuilder request;
  request.Begin(MessageType(NFT_MSG_GETGEN), 0, Header(AF_UNSPEC));
  std::optional<std::uint32_t> generation;
  const absl::Status status = socket_.Get(&request, [&](const Message& message) {
    const Attributes attributes(message.After(sizeof(nfgenmsg)));
    const auto id = attributes.Number<std::uint32_t>(NFTA_GEN_ID);
    if (id) generation = ntohl(*id);
  });
  if (absl::IsInvalidArgument(status) || absl::IsUnimplemented(status)) return generation;
  if (!status.ok()) return status;
  return generation;
}

absl::StatusOr<bool> Rules::TableExists(Family family) {
  MessageBuilder request;
  request.Begin(MessageType(NFT_MSG_GETTABLE), 0, Header(ToAddressFamily(family)));
  request.AttributeText(NFTA_TABLE_NAME, kRulesTable);
  const absl::Status status = socket_.Get(&request, [](const Message&) {});
  if (absl::IsNotFound(status)) return false;
  if (!status.ok()) return status;
  return true;
}

absl::StatusOr<std::string> Rules::List(Family family) {
  HEDDLE_ASSIGN_OR_RETURN(
      const std::string listing,
      RunNft(absl::StrCat("list table ", NftFamily(family), " ", kRulesTable, "\n")));
  return CollapseSpace(listing);
}

absl::StatusOr<Rules::Table> Rules::Read() {
  HEDDLE_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> generation, Generation());
  if (!generation) return Table();
  if (last_read_ && last_read_->first == *generation) return last_read_->second;
  Table table;
  for (Family family : kFamilies) {
    HEDDLE_ASSIGN_OR_RETURN(const bool exists, TableExists(family));
    if (!exists) continue;
    HEDDLE_ASSIGN_OR_RETURN(const std::string listing, List(family));
    const auto written = as_written_.find(family);
    const bool as_written = written != as_written_.end() && written->second.first == listing;
    table[family] = as_written ? written->second.second : ParseRules(family, listing);
  }
  last_read_.emplace(*generation, table);
  return table;
}

absl::Status Rules::Write(Operation::Kind kind, Family family, const RuleSet& rules) {
  last_read_.reset();
  as_written_.erase(family);
  const std::string table = absl::StrCat("table ", NftFamily(family), " ", kRulesTable);
  // Adding first makes the deletion succeed in any case.
  const std::string removal = absl::StrCat("add ", table, "\ndelete ", table, "\n");
  if (kind == Operation::Kind::kRemove) {
    HEDDLE_ASSIGN_OR_RETURN(const bool exists, TableExists(family));
    return exists ? RunNft(removal).status() : absl::OkStatus();
  }
  HEDDLE_RETURN_IF_ERROR(RunNft(absl::StrCat(removal, RulesText(family, rules))).status());
  HEDDLE_ASSIGN_OR_RETURN(std::string listing, List(family));
  as_written_[family] = {std::move(listing), rules};
  return absl::OkStatus();
}

}  // namespace heddle::node

#include "node/dataplane/watch_filter.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "node/dataplane/rules_text.h"
#include "node/state/link_names.h"

namespace heddle::node {

void WatchFilter::Start(const WatchInterest& interest) {
  Finish();
  own_port_ = interest.own_port;
  underlay_link_ = interest.underlay_link;
  if (interest.just_applied == nullptr) return;
  for (const Operation& operation : *interest.just_applied) {
    if (const auto* fdb = std::get_if<std::pair<FdbKey, FdbEntry>>(&operation.object)) {
      fdb_just_applied_.insert(fdb->first);
    } else if (const auto* neighbour =
                   std::get_if<std::pair<NeighbourKey, Neighbour>>(&operation.object)) {
      if (operation.kind == Operation::Kind::kRemove) {
        neighbours_just_removed_.insert(neighbour->first);
      }
    } else if (std::holds_alternative<std::pair<Family, RuleSet>>(operation.object)) {
      rules_just_applied_ = true;
    }
  }
}

void WatchFilter::Finish() {
  rules_just_applied_ = false;
  fdb_just_applied_.clear();
  neighbours_just_removed_.clear();
}

bool WatchFilter::ConcernsRoute(const Message& message) {
  // Links also teach us indexes, whoever made them.
  const bool link_concerns = LinkConcerns(message);
  if (message.port != 0 && message.port == own_port_) return false;
  if (DecodeNexthop(message, our_links_)) return true;
  return link_concerns || AddressConcerns(message) || NeighbourConcerns(message) ||
         RouteConcerns(message);
}

bool WatchFilter::LinkConcerns(const Message& message) {
  const auto link = DecodeLinkName(message);
  if (!link) return false;
  const bool was_ours = our_links_.contains(link->first);
  const bool is_ours = IsOurLinkName(link->second);
  if (is_ours && message.type == RTM_NEWLINK) {
    our_links_[link->first] = link->second;
  } else {
    our_links_.erase(link->first);
  }
  return was_ours || is_ours || (!underlay_link_.empty() && link->second == underlay_link_);
}

bool WatchFilter::AddressConcerns(const Message& message) const {
  if (message.type != RTM_NEWADDR && message.type != RTM_DELADDR) return false;
  const auto header = message.HeaderAs<ifaddrmsg>();
  return header && header->ifa_scope < RT_SCOPE_LINK;
}

bool WatchFilter::NeighbourConcerns(const Message& message) const {
  if (message.type != RTM_NEWNEIGH && message.type != RTM_DELNEIGH) return false;
  const auto header = message.HeaderAs<ndmsg>();
  if (!header || !our_links_.contains(header->ndm_ifindex)) return false;
  if (header->ndm_family == AF_BRIDGE) {
    const auto fdb = DecodeFdb(message, our_links_);
    return fdb && !fdb_just_applied_.contains(fdb->first);
  }
  if (message.type == RTM_DELNEIGH) {
    const auto key = DecodeNeighbourKey(message, our_links_);
    return !key || !neighbours_just_removed_.contains(*key);
  }
  // Nobody but us has neighbours to give there; a permanent one that goes is told as failed.
  constexpr int kPassing = NUD_INCOMPLETE | NUD_DELAY | NUD_PROBE | NUD_NOARP;
  return !(header->ndm_state & kPassing);
}

bool WatchFilter::RouteConcerns(const Message& message) const {
  if (DecodeRoute(message, our_links_)) return true;
  if (message.type != RTM_NEWROUTE && message.type != RTM_DELROUTE) return false;
  const auto header = message.HeaderAs<rtmsg>();
  return header && FamilyOf(header->rtm_family) && header->rtm_dst_len == 0 &&
         header->rtm_table == RT_TABLE_MAIN && !(header->rtm_flags & RTM_F_CLONED);
}

bool WatchFilter::ConcernsNetfilter(const Message& message) const {
  const auto header = message.HeaderAs<nfgenmsg>();
  const int kind = message.type & 0xff;
  if (rules_just_applied_ || !header || message.type >> 8 != NFNL_SUBSYS_NFTABLES ||
      !FamilyOf(header->nfgen_family) || kind == NFT_MSG_NEWGEN) {
    return false;
  }
  // The first attribute of everything in a table is the table's name.
  static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
                NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1);
  return Attributes(message.After(sizeof(*header))).Text(NFTA_TABLE_NAME) == kRulesTable;
}

}  // namespace heddle::node

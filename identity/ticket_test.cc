#include "identity/ticket.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "identity/authority.h"

namespace heddle::identity {
namespace {

Ticket Some() {
  static const std::string* const roots =
      new std::string(Authority::Create(absl::Now(), absl::Hours(24))->root().pem);
  return {{"192.0.2.1:4700", "[2001:db8::1]:4700", "c.example:4700"},
          *roots,
          NewTokenId(),
          NewSecret()};
}

void ExpectRefused(absl::string_view text) {
  const auto refused = DecodeTicket(text);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "heddlectl token create"));
}

TEST(TicketTest, GoesThroughText) {
  const Ticket ticket = Some();
  const std::string text = EncodeTicket(ticket);
  EXPECT_TRUE(absl::StartsWith(text, "heddle-ticket-1."));
  EXPECT_EQ(
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."),
      std::string::npos);
  // As a terminal or a letter may have wrapped it.
  const auto read =
      DecodeTicket(absl::StrCat(" \n", text.substr(0, 80), "\r\n", text.substr(80), "\r\n"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->controllers, ticket.controllers);
  EXPECT_EQ(read->roots_pem, ticket.roots_pem);
  EXPECT_EQ(read->token_id, ticket.token_id);
  EXPECT_EQ(read->secret, ticket.secret);
}

TEST(TicketTest, OneThatWasCutOrChangedIsRefused) {
  const std::string text = EncodeTicket(Some());
  for (std::size_t length = 0; length < text.size(); length += 3) {
    ExpectRefused(text.substr(0, length));
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    // The last character may carry bits that no byte is made of.
    if (at + 1 < text.size()) ExpectRefused(changed);
  }
  ExpectRefused(text + text);
  ExpectRefused(std::string(1 << 20, 'A'));
}

TEST(TicketTest, EachPartIsNeeded) {
  Ticket ticket = Some();
  ticket.controllers.clear();
  ExpectRefused(EncodeTicket(ticket));
  for (const char* controller : {"", "192.0.2.1", ":4700", "192.0.2.1:", "a b:1", "a\n:1"}) {
    ticket.controllers = {controller};
    ExpectRefused(EncodeTicket(ticket));
  }
  ticket = Some();
  ticket.roots_pem = "no root";
  ExpectRefused(EncodeTicket(ticket));
  for (const char* id : {"", "0123", "0123456789abcdeg", "0123456789ABCDEF", "0123456789abcdef0"}) {
    ticket = Some();
    ticket.token_id = id;
    ExpectRefused(EncodeTicket(ticket));
  }
  ticket = Some();
  ticket.secret.pop_back();
  ExpectRefused(EncodeTicket(ticket));
}

TEST(TicketTest, RefusalsNeverQuoteIt) {
  const std::string text = EncodeTicket(Some());
  const auto refused = DecodeTicket(text.substr(0, text.size() - 8));
  EXPECT_FALSE(absl::StrContains(refused.status().message(), text.substr(16, 16)));
}

TEST(SecretTest, DigestsCompareWhole) {
  const std::string digest = SecretDigest("secret");
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_TRUE(DigestsEqual(digest, SecretDigest("secret")));
  EXPECT_FALSE(DigestsEqual(digest, SecretDigest("secreT")));
  EXPECT_FALSE(DigestsEqual(digest, digest.substr(1)));
  EXPECT_TRUE(DigestsEqual("", ""));
}

TEST(SecretTest, AreNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(seen.insert(NewSecret()).second);
    EXPECT_TRUE(seen.insert(NewTokenId()).second);
  }
  EXPECT_EQ(NewSecret().size(), 32u);
  EXPECT_EQ(NewTokenId().size(), 16u);
}

}  // namespace
}  // namespace heddle::identity

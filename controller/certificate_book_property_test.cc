// Random histories of two controllers that both decide, one of them on a book that lags, with
// records that nobody can read in between.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "controller/certificate_bench.h"
#include "controller/certificate_record.h"
#include "controller/keys.h"

namespace heddle::controller {
namespace {

using storage::Change;
using storage::Transaction;

class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) { bench_.lifetime = absl::Hours(3); }

  void Step() {
    bench_.now += absl::Seconds(random_() % 300);
    if (random_() % 50 == 0) bench_.now += absl::Hours(20);
    while (!lag_.empty() && random_() % 3 == 0) CatchUp();
    const bool is_late = random_() % 2 == 0;
    const auto decision = Decide(is_late ? late_ : bench_.book);
    if (!decision.ok() || decision->writes.empty()) return;
    Commit(*decision);
  }

  void Check() {
    EXPECT_TRUE(bench_.book.CheckInvariants().ok()) << bench_.book.CheckInvariants();
    EXPECT_TRUE(late_.CheckInvariants().ok()) << late_.CheckInvariants();
    for (const auto& [ticket, made] : made_) EXPECT_LE(made.size(), uses_.at(ticket)) << ticket;
    for (const auto& [serial, certificate] : bench_.book.certificates()) {
      EXPECT_TRUE(revoked_.count(serial) == 0 || certificate.is_revoked()) << serial;
    }
  }

  // All books that heard the same are the same, however they heard it.
  void CheckReplicas() {
    while (!lag_.empty()) CatchUp();
    CertificateBook listed;
    std::vector<Change> all;
    for (const auto& [key, record] : bench_.store.records()) all.push_back({record, false});
    listed.Apply(all);
    for (const CertificateBook* other : {&late_, &listed}) {
      EXPECT_EQ(other->certificates(), bench_.book.certificates());
      EXPECT_EQ(other->tokens(), bench_.book.tokens());
      const auto serials = bench_.book.RevokedSerials(), others = other->RevokedSerials();
      EXPECT_EQ(std::set<std::string>(others.begin(), others.end()),
                std::set<std::string>(serials.begin(), serials.end()));
    }
  }

  int joins = 0, guards_failed = 0, revocations = 0, forgotten = 0;

 private:
  absl::StatusOr<Transaction> Decide(const CertificateBook& book) {
    const std::string node = absl::StrCat("h", random_() % 5);
    const int key = static_cast<int>(random_() % 8);
    switch (random_() % 12) {
      case 0:
        return CreateToken(book);
      case 1:
        return book.DecideDeleteToken(AnyToken().id);
      case 2:
        return book.DecideRevokeAll(NodePrincipal(node), bench_.now);
      case 3:
        return book.DecideRevokeSerial(AnySerial(), bench_.now);
      case 4:
        return book.DecideForget(bench_.now);
      case 5:
        return book.DecideIssue(bench_.Terms(NodePrincipal(node), key), "admin/a", bench_.now);
      case 6:
        return Garbage();
      case 7:
      case 8:
        return book.DecideRenew(AnySerial(), bench_.Terms(NodePrincipal(node), key), bench_.now);
      default:
        return Join(book, node, key);
    }
  }

  absl::StatusOr<Transaction> CreateToken(const CertificateBook& book) {
    const auto uses = static_cast<std::uint32_t>(1 + random_() % 3);
    tokens_.push_back(bench_.MakeToken(static_cast<int>(tokens_.size()) + 1, uses,
                                       random_() % 4 == 0 ? "h1" : ""));
    uses_["ticket " + tokens_.back().id] = uses;
    return book.DecideCreateToken(tokens_.back());
  }
  absl::StatusOr<Transaction> Join(const CertificateBook& book, const std::string& node, int key) {
    const JoinToken token = AnyToken();
    std::string why;
    return book.DecideJoin({token.id, token.secret_digest}, bench_.Terms(NodePrincipal(node), key),
                           bench_.now, &why);
  }
  Transaction Garbage() {
    Transaction transaction;
    const std::string key =
        random_() % 2 == 0 ? CertificateKey(AnySerial()) : TokenKey(AnyToken().id);
    transaction.writes.push_back({storage::Write::Kind::kPut, key, "\xff"});
    return transaction;
  }
  // Of the last few, so that they meet.
  JoinToken AnyToken() {
    if (tokens_.empty()) return bench_.MakeToken(77);
    return tokens_[tokens_.size() - 1 - random_() % std::min<std::size_t>(tokens_.size(), 4)];
  }
  std::string AnySerial() {
    return absl::StrCat("c", absl::Hex(std::max<int>(1, bench_.serials - random_() % 30)));
  }

  void Commit(const Transaction& transaction) {
    const auto changes = bench_.store.Commit(transaction);
    if (!changes) {
      ++guards_failed;
      return;
    }
    for (const Change& change : *changes) Note(change);
    const CertificateChanges told = bench_.book.Apply(*changes);
    revoked_.insert(told.revoked.begin(), told.revoked.end());
    revocations += static_cast<int>(told.revoked.size());
    lag_.push_back(*changes);
  }
  void Note(const Change& change) {
    const auto serial = SerialOfKey(change.record.key);
    if (!serial) return;
    if (change.deleted) {
      revoked_.erase(*serial);
      ++forgotten;
      return;
    }
    const auto certificate = DecodeCertificate(change.record);
    if (!certificate.ok() || uses_.count(certificate->issued_to) == 0) return;
    made_[certificate->issued_to].insert({certificate->principal.name, certificate->key_digest});
    ++joins;
  }
  void CatchUp() {
    late_.Apply(lag_.front());
    lag_.pop_front();
  }

  std::mt19937 random_;
  CertificateBench bench_;
  CertificateBook late_;
  std::deque<std::vector<Change>> lag_;
  std::vector<JoinToken> tokens_;
  std::map<std::string, std::size_t> uses_;                                    // by ticket
  std::map<std::string, std::set<std::pair<std::string, std::string>>> made_;  // node and key
  std::set<std::string> revoked_;
};

TEST(CertificateBookProperty, NoTokenIsUsedTooOftenAndAllReplicasAgree) {
  int joins = 0, guards_failed = 0, revocations = 0, forgotten = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    RandomHistory history(seed);
    for (int step = 0; step < 600; ++step) {
      history.Step();
      history.Check();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", step " << step;
    }
    history.CheckReplicas();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    joins += history.joins;
    guards_failed += history.guards_failed;
    revocations += history.revocations;
    forgotten += history.forgotten;
  }
  EXPECT_GT(joins, 300);
  EXPECT_GT(guards_failed, 1000);
  EXPECT_GT(revocations, 1000);
  EXPECT_GT(forgotten, 1000);
}

}  // namespace
}  // namespace heddle::controller

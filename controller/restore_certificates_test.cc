// What a restore makes of certificates and tokens.
#include <map>

#include "absl/time/clock.h"
#include "controller/certificate_record.h"
#include "controller/keys.h"
#include "controller/restore.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "storage/test_sinks.h"

namespace heddle::controller {
namespace {

std::string CertificateOf(const std::string& node_id, bool revoked) {
  IssuedCertificate certificate;
  certificate.principal = {identity::Role::kNode, node_id};
  certificate.not_before = absl::FromUnixSeconds(1700000000);
  certificate.not_after = absl::FromUnixSeconds(1800000000);
  certificate.key_digest = std::string(32, 'k');
  if (revoked) certificate.revoked = absl::FromUnixSeconds(1750000000);
  return EncodeCertificate(certificate);
}

class Listener final : public storage::LeadershipListener {
 public:
  void OnElected(storage::Fence elected) override { fence.emplace(std::move(elected)); }
  void OnDeposed() override {}
  void OnLeader(std::optional<storage::Member>) override {}
  std::optional<storage::Fence> fence;
};

class RestoreCertificatesTest : public ::testing::Test {
 protected:
  using Records = std::map<std::string, std::string>;

  void Put(const Records& records) {
    for (const auto& [key, value] : records) {
      ASSERT_TRUE(storage::CommitAndWait(store_, {{}, {}, {storage::Put(key, value)}}).ok());
    }
  }
  absl::Status Restore(const Records& records) {
    Listener listener;
    const auto candidacy = store_.Campaign({"c-0", "", ""}, &listener);
    EXPECT_TRUE(candidacy.ok() && listener.fence);
    Put({{kRestoreKey, "the note"}});
    const auto note = *store_.Get(kRestoreKey, storage::Store::Consistency::kLocal);
    return ReplaceRecords(&store_, {*listener.fence, store_.Describe().history.id, note->modified},
                          records, ending_);
  }
  Records Present(const char* prefix) {
    Records records;
    const auto page = store_.List(prefix, "", 1000, storage::Store::Consistency::kLinearizable);
    for (const storage::Record& record : page->records) records[record.key] = record.value;
    return records;
  }

  storage::MemoryStore store_;
  const std::atomic<bool> ending_{false};
};

TEST_F(RestoreCertificatesTest, WhatWasRevokedOrIssuedSinceTheBackupStays) {
  const std::string valid = CertificateOf("h1", false), revoked = CertificateOf("h1", true);
  Put({{CertificateKey("a1"), revoked},  // since
       {CertificateKey("a2"), revoked},  // since, and issued since
       {CertificateKey("a3"), valid},    // issued since
       {CertificateKey("a4"), "\xff"},   // says nothing, so it counts as revoked
       {CertificateKey("a5"), valid},    // the backup knows better
       {NodeKey("h9"), "issued since"}});
  const Records backup = {{CertificateKey("a1"), valid},
                          {CertificateKey("a4"), valid},
                          {CertificateKey("a5"), revoked},
                          {CertificateKey("a6"), valid},
                          {NodeKey("h1"), "as it was"}};
  const absl::Status restored = Restore(backup);
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(Present(kNetworkPrefix), (Records{{CertificateKey("a1"), revoked},
                                              {CertificateKey("a2"), revoked},
                                              {CertificateKey("a3"), valid},
                                              {CertificateKey("a4"), "\xff"},
                                              {CertificateKey("a5"), revoked},
                                              {CertificateKey("a6"), valid},
                                              {NodeKey("h1"), "as it was"}}));
}

TEST_F(RestoreCertificatesTest, NoTicketOutlivesIt) {
  Records tokens;
  for (int i = 0; i < 150; ++i) {
    tokens[TokenKey(absl::StrCat(absl::Hex(i, absl::kZeroPad16)))] = "open";
  }
  Put(tokens);
  ASSERT_TRUE(Restore({}).ok());
  EXPECT_TRUE(Present(kTokenPrefix).empty());
  EXPECT_EQ(Present(kMetaPrefix).size(), 1u) << "the note itself stays";
}

}  // namespace
}  // namespace heddle::controller

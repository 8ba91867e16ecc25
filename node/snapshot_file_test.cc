#include "node/snapshot_file.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::node {
namespace {

using testing::HasSubstr;

Peer PeerOf(int number) {
  Peer peer;
  peer.node_id = absl::StrCat("node-", number);
  peer.subnets[Family::kV4] = *Prefix::Parse(absl::StrCat("10.3.", number, ".0/24"));
  peer.advertisement.public_address[Family::kV4] = *Ip::Parse(absl::StrCat("192.0.2.", number));
  peer.advertisement.backend_type = "vxlan";
  peer.advertisement.vtep_mac = *Mac::Parse(absl::StrCat("0e:2a:00:00:00:1", number));
  return peer;
}

Remembered Sample() {
  Remembered snapshot;
  snapshot.position = {"history-1", 42};
  Range range;
  range.network = *Prefix::Parse("10.3.0.0/16");
  range.subnet_length = 24;
  range.subnet_min = *Ip::Parse("10.3.1.0");
  range.subnet_max = *Ip::Parse("10.3.255.0");
  snapshot.network.ranges[Family::kV4] = range;
  snapshot.network.backend = *CompleteBackend({"vxlan", {}});
  snapshot.self = PeerOf(1);
  for (int number = 2; number < 5; ++number) {
    snapshot.peers.emplace(PeerOf(number).node_id, PeerOf(number));
  }
  // On its way from another range.
  range.network = *Prefix::Parse("10.60.0.0/16");
  range.subnet_min = *Ip::Parse("10.60.1.0");
  range.subnet_max = *Ip::Parse("10.60.255.0");
  snapshot.network.draining[Family::kV4] = range;
  snapshot.self.draining_subnets[Family::kV4] = *Prefix::Parse("10.60.1.0/24");
  snapshot.peers.begin()->second.draining_subnets[Family::kV4] = *Prefix::Parse("10.60.2.0/24");
  return snapshot;
}

void ExpectEqual(const Remembered& a, const Remembered& b) {
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.network, b.network);
  EXPECT_EQ(a.self, b.self);
  EXPECT_EQ(a.peers, b.peers);
}

std::string ReasonAgainst(const std::string& content) {
  const auto snapshot = DecodeSnapshot(content);
  EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kDataLoss);
  return std::string(snapshot.status().message());
}

TEST(SnapshotFileTest, WhatIsWrittenIsReadBackByItsOwnerOnly) {
  const std::string path = testing::TempDir() + "/state/snapshot";
  ASSERT_TRUE(WriteSnapshotFile(path, Sample()).ok());
  struct stat entry;
  ASSERT_EQ(stat(path.c_str(), &entry), 0);
  EXPECT_EQ(entry.st_mode & 0777, 0600u);
  const auto snapshot = ReadSnapshotFile(path);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ExpectEqual(*snapshot, Sample());
}

TEST(SnapshotFileTest, NoPeersAndNoPositionIsASnapshotToo) {
  Remembered alone = Sample();
  alone.peers.clear();
  alone.position = {};
  const auto snapshot = DecodeSnapshot(EncodeSnapshot(alone));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ExpectEqual(*snapshot, alone);
}

TEST(SnapshotFileTest, AMissingFileIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(ReadSnapshotFile(testing::TempDir() + "/none").status()));
}

TEST(SnapshotFileTest, ACorruptedFileIsNamed) {
  const std::string path = testing::TempDir() + "/foreign";
  ASSERT_TRUE(WriteFileAtomically(path, "FLANNEL_SUBNET=10.3.2.1/24\n", 0600).ok());
  const auto snapshot = ReadSnapshotFile(path);
  EXPECT_EQ(snapshot.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(snapshot.status().message()), HasSubstr(path));
  EXPECT_THAT(std::string(snapshot.status().message()), HasSubstr("not a snapshot"));
}

TEST(SnapshotFileTest, EveryTruncationIsRefused) {
  const std::string whole = EncodeSnapshot(Sample());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(DecodeSnapshot(whole.substr(0, length)).ok()) << length;
  }
  EXPECT_THAT(ReasonAgainst(whole.substr(0, whole.size() - 1)), HasSubstr("bytes but holds"));
  EXPECT_THAT(ReasonAgainst(whole + "x"), HasSubstr("bytes but holds"));
  EXPECT_THAT(ReasonAgainst(""), HasSubstr("empty"));
}

TEST(SnapshotFileTest, EveryFlippedBitIsRefused) {
  const std::string whole = EncodeSnapshot(Sample());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      EXPECT_FALSE(DecodeSnapshot(flipped).ok()) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(SnapshotFileTest, AnotherVersionIsNamed) {
  std::string content = EncodeSnapshot(Sample());
  content[8] = 9;
  EXPECT_THAT(ReasonAgainst(content), HasSubstr("format version 9"));
}

// The envelope is in order, what is inside is not.
TEST(SnapshotFileTest, ContentThatMakesNoSenseIsRefused) {
  Remembered bad = Sample();
  bad.self.node_id = "Not A Name";
  EXPECT_THAT(ReasonAgainst(EncodeSnapshot(bad)), HasSubstr("makes no sense"));
  bad = Sample();
  bad.peers["node-9"] = PeerOf(2);
  EXPECT_THAT(ReasonAgainst(EncodeSnapshot(bad)), HasSubstr("node-2 twice"));
  bad = Sample();
  bad.network.ranges[Family::kV4]->subnet_length = 31;
  EXPECT_THAT(ReasonAgainst(EncodeSnapshot(bad)), HasSubstr("makes no sense"));
  bad = Sample();
  bad.position.history.clear();
  EXPECT_THAT(ReasonAgainst(EncodeSnapshot(bad)), HasSubstr("without a history"));
}

}  // namespace
}  // namespace heddle::node

// A process that commits is killed with SIGKILL at random moments: all it acknowledged is there.
#include <map>
#include <random>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/child_process.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/rocksdb/scratch_folder.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

constexpr int kRounds = 20;
using Acknowledged = std::map<int, Revision>;  // number -> revision

// A last line that the kill cut off says nothing.
void AddLines(const std::string& output, Acknowledged* acknowledged) {
  std::vector<std::string> lines = absl::StrSplit(output, '\n');
  lines.pop_back();
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    int number = 0;
    Revision revision = 0;
    ASSERT_TRUE(fields.size() == 2 && absl::SimpleAtoi(fields[0], &number) &&
                absl::SimpleAtoi(fields[1], &revision))
        << line;
    (*acknowledged)[number] = revision;
  }
}

// Opens what the killed process left and compares. Returns the newest revision.
Revision CheckAll(const std::string& path, const Acknowledged& acknowledged) {
  RocksdbOptions options;
  options.path = path;
  auto store = OpenRocksdbStore(options);
  EXPECT_TRUE(store.ok()) << store.status();
  if (!store.ok()) return 0;
  for (const auto& [number, revision] : acknowledged) {
    const auto record =
        (*store)->Get(absl::StrCat("key/", number), Store::Consistency::kLinearizable);
    EXPECT_TRUE(record.ok() && *record) << "key/" << number << " at " << revision << " is lost";
    EXPECT_EQ(record.ok() && *record ? (*record)->created : 0, revision);
  }
  const Position now = (*store)->Describe().position;
  RecordingSink sink;
  auto subscription = (*store)->Subscribe("", {now.history, 0}, &sink);
  EXPECT_TRUE(subscription.ok()) << subscription.status();
  EXPECT_TRUE(sink.WaitForCount(now.revision)) << "the feed has a gap";
  subscription->reset();
  return now.revision;
}

// How long a process takes from its start to its first acknowledged commit.
std::chrono::milliseconds TimeToFirstCommit(const std::string& path) {
  const auto start = std::chrono::steady_clock::now();
  ChildProcess child({"storage/rocksdb/commit_loop", path, "0"});
  EXPECT_TRUE(child.WaitForOutput());
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               start);
}

TEST(Kill, NothingAcknowledgedIsLost) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  RecordProperty("seed", absl::StrCat(seed));
  printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const ScratchFolder scratch;
  const std::string path = scratch.path() + "/store";
  // Kills fall into the opening as well as into the committing.
  const int longest_life_ms =
      2 * static_cast<int>(TimeToFirstCommit(scratch.path() + "/other").count()) + 100;
  Acknowledged acknowledged;
  Revision newest = 0;
  int rounds_with_commits = 0;
  for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
    const std::size_t before = acknowledged.size();
    {
      ChildProcess child(
          {"storage/rocksdb/commit_loop", path, absl::StrCat((round + 1) * 1'000'000)});
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % longest_life_ms));
      child.Kill();
      AddLines(child.ReadOutput(), &acknowledged);
      EXPECT_EQ(child.ReadErrors(), "");
    }
    if (acknowledged.size() > before) ++rounds_with_commits;
    const Revision now = CheckAll(path, acknowledged);
    EXPECT_GE(now, newest);
    newest = now;
  }
  printf("%zu commits acknowledged in %d of %d lives\n", acknowledged.size(), rounds_with_commits,
         kRounds);
  EXPECT_GT(rounds_with_commits, 0) << "the test proves nothing when nothing was acknowledged";
}

}  // namespace
}  // namespace heddle::storage

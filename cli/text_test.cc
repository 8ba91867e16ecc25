#include "cli/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace heddle::cli {
namespace {

TEST(Printable, EscapesWhatWouldSteerATerminal) {
  EXPECT_EQ(Printable("a\nb\t\x1b[31m\x7f"), "a\\nb\\t\\x1b[31m\\x7f");
  EXPECT_EQ(Printable("Knoten-\xc3\xa4"), "Knoten-\xc3\xa4");
}

TEST(AgeText, HasTheTwoLargestUnits) {
  EXPECT_EQ(AgeText(absl::ZeroDuration()), "0s");
  EXPECT_EQ(AgeText(absl::Milliseconds(999)), "0s");
  EXPECT_EQ(AgeText(absl::Seconds(59)), "59s");
  EXPECT_EQ(AgeText(absl::Seconds(60)), "1m");
  EXPECT_EQ(AgeText(absl::Seconds(200)), "3m20s");
  EXPECT_EQ(AgeText(absl::Hours(2) + absl::Minutes(5) + absl::Seconds(9)), "2h5m");
  EXPECT_EQ(AgeText(absl::Hours(24 * 12 + 3)), "12d3h");
  EXPECT_EQ(AgeText(-absl::Hours(1)), "0s");
  EXPECT_EQ(AgeText(absl::Hours(24 * 400)), "400d");
}

TEST(TimeText, IsUtc) {
  EXPECT_EQ(TimeText(absl::FromUnixMillis(1700000000123)), "2023-11-14T22:13:20Z");
}

TEST(SizeText, ChoosesTheUnit) {
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(1023), "1023 B");
  EXPECT_EQ(SizeText(1024), "1.0 KiB");
  EXPECT_EQ(SizeText(3 << 19), "1.5 MiB");
}

TEST(NaturalLess, CountsRunsOfDigitsAsNumbers) {
  std::vector<std::string> ids = {"node-10", "node-2",  "b",   "node-02",
                                  "node",    "node-2a", "a10", "a9"};
  std::sort(ids.begin(), ids.end(),
            [](const std::string& a, const std::string& b) { return NaturalLess(a, b); });
  EXPECT_EQ(ids, (std::vector<std::string>{"a9", "a10", "b", "node", "node-02", "node-2", "node-2a",
                                           "node-10"}));
}

TEST(NaturalLess, IsNotBoundByTheSizeOfANumber) {
  EXPECT_TRUE(NaturalLess("n99999999999999999999998", "n99999999999999999999999"));
  EXPECT_FALSE(NaturalLess("n99999999999999999999999", "n99999999999999999999998"));
}

TEST(NaturalLess, NeverPutsAnIdBeforeItself) {
  for (const char* id : {"", "a", "01", "a1b2"}) EXPECT_FALSE(NaturalLess(id, id)) << id;
}

TEST(Wrapped, BreaksAtSpaces) {
  EXPECT_EQ(Wrapped("one two three", 7), "one two\nthree");
  EXPECT_EQ(Wrapped("unbreakable x", 4), "unbreakable\nx");
  EXPECT_EQ(Wrapped("a\n\nb", 10), "a\n\nb");
}

}  // namespace
}  // namespace heddle::cli

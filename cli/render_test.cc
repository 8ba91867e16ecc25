// Tables, YAML and whole views as text.

#include <gtest/gtest.h>

#include "cli/table.h"
#include "cli/view.h"
#include "cli/yaml.h"

namespace heddle::cli {
namespace {

TEST(RenderTable, AlignsAndFillsEmptyCells) {
  const Table table{{{"NODE"}, {"PEERS", false, true}, {"VERSION", true}},
                    {{"a", "5", "1"}, {"longer", "1000", ""}}};
  EXPECT_EQ(RenderTable(table, false),
            "NODE    PEERS\n"
            "a           5\n"
            "longer   1000\n");
  EXPECT_EQ(RenderTable(table, true),
            "NODE    PEERS  VERSION\n"
            "a           5  1\n"
            "longer   1000  -\n");
}

TEST(RenderTable, HasNoHeadingWithoutTitles) {
  EXPECT_EQ(RenderTable({{{""}, {""}}, {{"Node:", "a"}, {"State:", "ready"}}}, false),
            "Node:   a\n"
            "State:  ready\n");
}

TEST(RenderTable, EscapesAndCountsCharacters) {
  EXPECT_EQ(RenderTable({{{"A"}, {"B"}}, {{"\xc3\xa4", "x"}, {"\x1b", "y"}}}, false),
            "A     B\n"
            "\xc3\xa4     x\n"
            "\\x1b  y\n");
}

TEST(RenderTable, TakesShortRows) {
  EXPECT_EQ(RenderTable({{{"A"}, {"B"}}, {{"x"}}}, false), "A  B\nx  -\n");
}

TEST(ToYaml, QuotesWhatCouldBeReadAsSomethingElse) {
  Json json;
  json["plain"] = "host-1";
  json["prefix"] = "10.3.1.0/24";
  json["number"] = "10";
  json["address"] = "10.3.1.0";
  json["boolean"] = "no";
  json["mac"] = "02:11:22:33:44:01";
  json["empty"] = "";
  json["syntax"] = "- a: b # c";
  json["control"] = "a\nb";
  json["integer"] = 10;
  json["true"] = true;
  json["nothing"] = nullptr;
  EXPECT_EQ(ToYaml(json),
            "plain: host-1\n"
            "prefix: 10.3.1.0/24\n"
            "number: \"10\"\n"
            "address: \"10.3.1.0\"\n"
            "boolean: \"no\"\n"
            "mac: \"02:11:22:33:44:01\"\n"
            "empty: \"\"\n"
            "syntax: \"- a: b # c\"\n"
            "control: \"a\\nb\"\n"
            "integer: 10\n"
            "\"true\": true\n"
            "nothing: null\n");
}

TEST(ToYaml, IndentsContainers) {
  const Json json = Json::parse(
      R"({"nodes":[{"id":"a","problems":[],"x":{"y":1}},{"id":"b","problems":["p q"]}],)"
      R"("n":[[1,2]]})");
  EXPECT_EQ(ToYaml(json),
            "nodes:\n"
            "  - id: a\n"
            "    problems: []\n"
            "    x:\n"
            "      \"y\": 1\n"
            "  - id: b\n"
            "    problems:\n"
            "      - \"p q\"\n"
            "\"n\":\n"
            "  - - 1\n"
            "    - 2\n");
}

TEST(ToYaml, TakesScalarsAndEmptyContainers) {
  EXPECT_EQ(ToYaml(Json::array()), "[]\n");
  EXPECT_EQ(ToYaml(Json::object()), "{}\n");
  EXPECT_EQ(ToYaml(Json("x")), "x\n");
}

TEST(Render, PicksTheForm) {
  View view;
  view.json["a"] = 1;
  view.table = {{{"A"}}, {{"1"}}};
  view.lines = {"One thing."};
  view.names = {"a", "b"};
  EXPECT_EQ(Render(view, Format::kTable), "A\n1\nOne thing.\n");
  EXPECT_EQ(Render(view, Format::kJson), "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(Render(view, Format::kYaml), "a: 1\n");
  EXPECT_EQ(Render(view, Format::kName), "a\nb\n");
}

TEST(Render, SurvivesTextThatIsNotUtf8) {
  View view;
  view.json["a"] = "\xff";
  EXPECT_EQ(Render(view, Format::kJson), "{\n  \"a\": \"\xef\xbf\xbd\"\n}\n");
  EXPECT_EQ(Render(view, Format::kYaml), "a: \"\\ufffd\"\n");
}

TEST(ParseFormat, RefusesOthers) {
  EXPECT_EQ(*ParseFormat("wide"), Format::kWide);
  EXPECT_FALSE(ParseFormat("xml").ok());
}

}  // namespace
}  // namespace heddle::cli

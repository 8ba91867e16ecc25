#include "controller/net_conf_json.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace heddle::controller {
namespace {

using nlohmann::json;

// Builds the tree from the parser's events; answering false stops the parser.
class TreeBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit TreeBuilder(absl::string_view text) : text_(text) {}

  absl::StatusOr<json> Finish() && {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t&) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return Refuse("binary values are not JSON"); }

  bool start_object(std::size_t) override { return Open(json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(json::array()); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (!open_.back().names.insert(absl::AsciiStrToLower(name)).second) {
      return Refuse(absl::StrCat("the key ", absl::CEscape(name.substr(0, 64)),
                                 " is given twice (letter case does not matter)"));
    }
    open_.back().next_name = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const absl::string_view before = text_.substr(0, position > 0 ? position - 1 : 0);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto line_start = before.rfind('\n');
    const auto column =
        before.size() - (line_start == absl::string_view::npos ? 0 : line_start + 1) + 1;
    absl::string_view why = error.what();
    // The library's text starts with its own code and position.
    if (const auto at = why.find(": "); at != absl::string_view::npos) why.remove_prefix(at + 2);
    // Its quotation marks may stay; what it quotes of the file may be anything.
    const std::string shown =
        absl::StrReplaceAll(absl::CEscape(why.substr(0, 200)), {{"\\'", "'"}, {"\\\"", "\""}});
    return Refuse(absl::StrCat("not valid JSON at line ", line, ", column ", column, ": ", shown));
  }

 private:
  struct Level {
    json* node;
    std::string next_name;
    absl::flat_hash_set<std::string> names;  // lower case
  };

  // Where the next value goes.
  json* Place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = open_.back();
    if (level.node->is_array()) {
      level.node->push_back(std::move(value));
      return &level.node->back();
    }
    return &((*level.node)[level.next_name] = std::move(value));
  }
  bool Add(json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(json value) {
    if (open_.size() >= kJsonLimitDepth) {
      return Refuse(absl::StrCat("nested deeper than ", kJsonLimitDepth, " levels"));
    }
    open_.push_back({Place(std::move(value)), "", {}});
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  bool Refuse(const std::string& why) {
    status_ = absl::InvalidArgumentError(why);
    return false;
  }

  absl::string_view text_;
  json root_;
  std::vector<Level> open_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<json> ParseStrictJson(absl::string_view text) {
  if (text.size() > kJsonLimitBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the text is ", text.size(), " bytes long; at most ", kJsonLimitBytes, " are read"));
  }
  if (absl::StripAsciiWhitespace(text).empty()) {
    return absl::InvalidArgumentError(
        "the file is empty; write one JSON object such as "
        R"({"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}})");
  }
  TreeBuilder builder(text);
  json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder).Finish();
}

}  // namespace heddle::controller

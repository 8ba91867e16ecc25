#include "cli/view.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "cli/yaml.h"

namespace heddle::cli {
namespace {

std::string Lines(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) absl::StrAppend(&out, Printable(line), "\n");
  return out;
}

}  // namespace

absl::StatusOr<Format> ParseFormat(absl::string_view text) {
  if (text == "table") return Format::kTable;
  if (text == "wide") return Format::kWide;
  if (text == "json") return Format::kJson;
  if (text == "yaml") return Format::kYaml;
  if (text == "name") return Format::kName;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown output format \"", Printable(text), "\""));
}

std::string Render(const View& view, Format format) {
  switch (format) {
    case Format::kTable:
    case Format::kWide: {
      const bool has_rows = !view.table.rows.empty();
      return absl::StrCat(has_rows ? RenderTable(view.table, format == Format::kWide) : "",
                          Lines(view.lines));
    }
    case Format::kJson:
      return view.json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    case Format::kYaml:
      return ToYaml(view.json);
    case Format::kName:
      return Lines(view.names);
  }
  return "";
}

}  // namespace heddle::cli

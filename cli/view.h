// What a command has to show, as one value, and its text in each output format. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/json.h"
#include "cli/table.h"

namespace heddle::cli {

enum class Format { kTable, kWide, kJson, kYaml, kName };

// "table", "wide", "json", "yaml", "name"; InvalidArgument otherwise.
absl::StatusOr<Format> ParseFormat(absl::string_view text);

// Whether the format is for people (table, wide) and not for programs.
inline bool IsForPeople(Format format) {
  return format == Format::kTable || format == Format::kWide;
}

struct View {
  Json json;                       // json and yaml
  Table table;                     // table and wide; no rows: only the lines below are printed
  std::vector<std::string> lines;  // sentences under the table
  std::vector<std::string> names;  // name: one object per line
};

// Ends with a newline unless it is empty.
std::string Render(const View& view, Format format);

}  // namespace heddle::cli

#include "cli/table.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

std::size_t CharacterCount(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Padded(const std::string& text, std::size_t width, bool align_right) {
  const std::string padding(width - CharacterCount(text), ' ');
  return align_right ? padding + text : text + padding;
}

}  // namespace

std::string RenderTable(const Table& table, bool wide) {
  std::vector<std::size_t> shown;
  bool titled = false;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].wide_only && !wide) continue;
    shown.push_back(i);
    titled |= !table.columns[i].title.empty();
  }

  std::vector<std::vector<std::string>> lines;
  if (titled) {
    lines.emplace_back();
    for (std::size_t i : shown) lines.back().push_back(table.columns[i].title);
  }
  for (const auto& row : table.rows) {
    lines.emplace_back();
    for (std::size_t i : shown) {
      const std::string cell = i < row.size() ? Printable(row[i]) : "";
      lines.back().push_back(cell.empty() ? "-" : cell);
    }
  }

  std::vector<std::size_t> widths(shown.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], CharacterCount(line[i]));
    }
  }

  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i > 0) text += "  ";
      text += Padded(line[i], widths[i], table.columns[shown[i]].align_right);
    }
    absl::StrAppend(&out, absl::StripTrailingAsciiWhitespace(text), "\n");
  }
  return out;
}

}  // namespace heddle::cli

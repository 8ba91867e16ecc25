// A table as a value, and its aligned text. Pure.
#pragma once

#include <string>
#include <vector>

namespace heddle::cli {

struct Column {
  std::string title;
  bool wide_only = false;    // shown with `-o wide` only
  bool align_right = false;  // numbers
};

// Rows have one cell per column. An empty cell is printed as "-". When every title is empty no
// heading line is printed (names and values of one object).
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

// One line per row, cells padded to the widest of their column and separated by two spaces, no
// spaces at the end of a line. Control characters are escaped. Widths count UTF-8 characters.
std::string RenderTable(const Table& table, bool wide);

}  // namespace heddle::cli

// One object of a list, by node id.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"

namespace heddle::cli {

// The entry of `entries` with that node_id. NotFound, with the nearest id suggested, otherwise.
template <typename Entries>
auto FindByNode(const Entries& entries, const std::string& node_id, absl::string_view noun)
    -> absl::StatusOr<typename Entries::value_type> {
  std::vector<std::string> ids;
  for (const auto& entry : entries) {
    if (entry.node_id() == node_id) return entry;
    ids.push_back(entry.node_id());
  }
  const std::string near = NearestWord(node_id, ids);
  return absl::NotFoundError(
      absl::StrCat("there is no ", noun, " ", node_id,
                   near.empty() ? "" : absl::StrCat(". Did you mean ", near, "?")));
}

}  // namespace heddle::cli

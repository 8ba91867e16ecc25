// One object of a list, by its id.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"

namespace heddle::cli {

// The entry of `entries` that has `id` by `id_of`. NotFound, with the nearest id suggested,
// otherwise.
template <typename Entries, typename IdOf>
auto FindById(const Entries& entries, const std::string& id, absl::string_view noun, IdOf id_of)
    -> absl::StatusOr<typename Entries::value_type> {
  std::vector<std::string> ids;
  for (const auto& entry : entries) {
    if (id_of(entry) == id) return entry;
    ids.push_back(id_of(entry));
  }
  const std::string near = NearestWord(id, ids);
  return absl::NotFoundError(
      absl::StrCat("there is no ", noun, " ", id,
                   near.empty() ? "" : absl::StrCat(". Did you mean ", near, "?")));
}

template <typename Entries>
auto FindByNode(const Entries& entries, const std::string& node_id, absl::string_view noun) {
  return FindById(entries, node_id, noun, [](const auto& entry) { return entry.node_id(); });
}

// A controller's "there is no such" with what shows those that there are.
inline absl::Status SeeInstead(const absl::Status& status, absl::string_view command) {
  if (!absl::IsNotFound(status)) return status;
  return absl::NotFoundError(
      absl::StrCat(status.message(), "; see what there is with \"", command, "\""));
}

}  // namespace heddle::cli

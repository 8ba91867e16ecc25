#include "tests/chaos/logs.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace heddle::chaos {
namespace {

constexpr const char* kNever[] = {
    " critical ",
    " error ",
    "cannot be read",              // a record, or the copy
    "holds another set of peers",  // a node was told something else than was announced
    "was the store restored",      // a node has a revision of the future
    "new history",
    "another history",
    "terminate called",
    "Assertion",
};

}  // namespace

std::string ForbiddenLines(const std::string& log) {
  std::string forbidden;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(log, '\n'))) {
    const bool never =
        std::any_of(std::begin(kNever), std::end(kNever),
                    [&line](const char* words) { return absl::StrContains(line, words); });
    if (never) absl::StrAppend(&forbidden, "  ", line, "\n");
  }
  return forbidden;
}

}  // namespace heddle::chaos

// Any bytes as a record of hooks, and as a command with its variables. The first byte chooses. A
// record that is accepted must come back equal; a command has as many words as it has between white
// space, whatever its variables hold.
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "node/dataplane/command.h"
#include "node/dataplane/hook_record.h"

namespace heddle::node {
namespace {

void CheckRecord(absl::string_view content) {
  const auto record = DecodeHookRecord(content);
  if (!record.ok()) {
    if (record.status().message().empty()) std::abort();
    return;
  }
  const auto encoded = EncodeHookRecord(*record);
  if (!encoded.ok()) std::abort();
  const auto again = DecodeHookRecord(*encoded);
  if (!again.ok() || again->boot_id != record->boot_id || again->hooks != record->hooks) {
    std::abort();
  }
}

// The first line is the value of A, the rest the command.
void CheckCommand(absl::string_view content) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(content, absl::MaxSplits('\n', 1));
  std::size_t words = 0;
  bool in_word = false;
  for (char c : parts.second) {
    if (!absl::ascii_isspace(c) && !in_word) ++words;
    in_word = !absl::ascii_isspace(c);
  }
  const CommandVariables variables = {{"A", std::string(parts.first)}};
  if (CommandWords(parts.second, variables).size() != words) std::abort();
  if (CommandProgram(parts.second, variables).words.size() != words) std::abort();
}

}  // namespace
}  // namespace heddle::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const absl::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 0) {
    heddle::node::CheckRecord(rest);
  } else {
    heddle::node::CheckCommand(rest);
  }
  return 0;
}

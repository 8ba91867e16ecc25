#include "node/dataplane/nft_program.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/program.h"
#include "base/status_macros.h"

namespace heddle::node {

absl::StatusOr<std::string> RunNft(absl::string_view script, NftOutput form) {
  const char* path = std::getenv("PATH");
  ProgramOptions options;
  options.words = {"nft", "--stateless", "--file", "-"};
  if (form == NftOutput::kJson) options.words.push_back("--json");
  // PATH first; then where Debian has it, for a PATH without the sbin folders.
  options.path = absl::StrCat(path != nullptr ? path : "", ":/usr/sbin:/sbin");
  options.input = script;
  const absl::StatusOr<ProgramEnd> end = RunProgram(options);
  if (absl::IsNotFound(end.status())) {
    return absl::NotFoundError("there is no nft program; install the package nftables");
  }
  HEDDLE_RETURN_IF_ERROR(end.status());
  if (end->is_timed_out) {
    return absl::DeadlineExceededError("nft did not end in 10 s and was killed");
  }
  if (end->status().ok() && !end->is_cut) return end->output;
  return absl::InternalError(absl::StrCat(
      "nft says: ", absl::StripAsciiWhitespace(absl::StrCat(end->errors, end->output))));
}

}  // namespace heddle::node

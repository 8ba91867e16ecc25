#include "node/enrolment/state_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "node/controller_addresses.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

constexpr std::size_t kLimitBytes = 64 << 10;
constexpr std::size_t kProblemCharacters = 2000;

}  // namespace

StateFiles StateFilesIn(const std::string& state_dir) {
  return {absl::StrCat(state_dir, "/identity.pem"), absl::StrCat(state_dir, "/join-key.pem"),
          absl::StrCat(state_dir, "/controllers"), absl::StrCat(state_dir, "/ticket-id"),
          absl::StrCat(state_dir, "/identity-problem")};
}

absl::StatusOr<identity::PrivateKey> ReadPendingKey(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kLimitBytes));
  absl::StatusOr<identity::PrivateKey> key = identity::PrivateKey::Parse(content);
  if (key.ok()) return key;
  return absl::InvalidArgumentError(
      absl::StrCat(path, " has no usable key: ", key.status().message()));
}

absl::StatusOr<identity::PrivateKey> LoadOrMakePendingKey(const std::string& path) {
  absl::StatusOr<identity::PrivateKey> present = ReadPendingKey(path);
  if (absl::IsInvalidArgument(present.status())) {
    spdlog::warn("{}; another is made", std::string(present.status().message()));
  } else if (!absl::IsNotFound(present.status())) {
    return present;
  }
  HEDDLE_ASSIGN_OR_RETURN(identity::PrivateKey key, identity::PrivateKey::Generate());
  HEDDLE_RETURN_IF_ERROR(WriteFileAtomically(path, key.ToPem(), 0600));
  return key;
}

absl::StatusOr<std::vector<std::string>> ReadControllers(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kLimitBytes));
  auto controllers = ParseControllers(absl::StrReplaceAll(content, {{"\n", ","}}));
  if (controllers.ok()) return controllers;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", controllers.status().message(),
                   "; correct or remove it, and set --controllers where no ticket names them"));
}

absl::Status WriteControllers(const std::string& path,
                              const std::vector<std::string>& controllers) {
  return WriteFileAtomically(path, absl::StrCat(absl::StrJoin(controllers, "\n"), "\n"), 0600);
}

std::string ReadTicketId(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(path, kLimitBytes);
  return content.ok() ? std::string(absl::StripAsciiWhitespace(*content)) : "";
}

absl::Status WriteTicketId(const std::string& path, absl::string_view id) {
  return WriteFileAtomically(path, absl::StrCat(id, "\n"), 0600);
}

absl::Status WriteProblem(const std::string& path, absl::string_view problem) {
  if (!problem.empty()) return WriteFileAtomically(path, absl::StrCat(problem, "\n"), 0600);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot remove ", path, ": ", strerror(errno)));
}

std::string ReadProblem(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(path, kLimitBytes);
  if (!content.ok()) return "";
  return Excerpt(absl::StripAsciiWhitespace(*content), kProblemCharacters);
}

}  // namespace heddle::node

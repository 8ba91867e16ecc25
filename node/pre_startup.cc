#include "node/pre_startup.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "api/peer.h"
#include "nlohmann/json.hpp"
#include "node/dataplane/command.h"

namespace heddle::node {
namespace {

constexpr absl::Duration kLookSpacing = absl::Milliseconds(20);
constexpr std::size_t kKeptBytes = 4 * kMaxExtensionBytes;

std::string CommandOf(const Network& network) {
  for (const BackendConfig* config :
       {&network.backend, network.standby ? &*network.standby : nullptr}) {
    if (config != nullptr && config->type == "extension") return config->Text("PreStartupCommand");
  }
  return "";
}

// The stream and net-conf.json carry nothing else.
bool IsUtf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

std::optional<PreStartup::News> PreStartup::Step(const Network& network, absl::Time now) {
  std::string command = options_.run_commands ? CommandOf(network) : "";
  if (command != command_) {
    command_ = std::move(command);
    program_.reset();
    retry_.Reset();
    due_ = command_.empty() ? absl::InfiniteFuture() : now;
    return News(std::nullopt);
  }
  if (due_ > now) return std::nullopt;
  if (!program_) return Start(now);
  due_ = now + kLookSpacing;
  const std::optional<ProgramEnd> end = program_->Poll();
  if (!end) return std::nullopt;
  program_.reset();
  return Tell(Judge(*end), now);
}

std::optional<PreStartup::News> PreStartup::Start(absl::Time now) {
  ProgramOptions options = CommandProgram(command_, {});
  options.time_limit = options_.time_limit;
  options.kept_bytes = kKeptBytes;
  absl::StatusOr<Program> program = Program::Start(options);
  if (!program.ok()) return Tell(Failed(program.status()), now);
  program_.emplace(*std::move(program));
  due_ = now + kLookSpacing;
  return std::nullopt;
}

PreStartup::News PreStartup::Judge(const ProgramEnd& end) const {
  if (!end.status().ok()) return Failed(end.status());
  std::string text(absl::StripAsciiWhitespace(end.output));
  absl::Status status = ValidateExtensionData(text);
  if (status.ok() && end.output.size() >= kKeptBytes) {
    status = absl::InvalidArgumentError(absl::StrCat("more than ", kKeptBytes, " bytes"));
  }
  if (status.ok() && !IsUtf8(text)) status = absl::InvalidArgumentError("text that is not UTF-8");
  if (!status.ok()) {
    return Failed(absl::InvalidArgumentError(
        absl::StrCat("it printed what cannot be announced: ", status.message())));
  }
  return std::optional<std::string>(std::move(text));
}

PreStartup::News PreStartup::Failed(const absl::Status& status) const {
  return absl::Status(status.code(),
                      absl::StrCat("the extension backend's PreStartupCommand '", Excerpt(command_),
                                   "' is tried again: ", status.message()));
}

PreStartup::News PreStartup::Tell(News news, absl::Time now) {
  due_ = news.ok() ? absl::InfiniteFuture() : now + retry_.Next(random_);
  return news;
}

}  // namespace heddle::node

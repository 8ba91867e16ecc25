#include "node/dataplane/forwarder_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "node/dataplane/forwarder_connection.h"

namespace heddle::node {
namespace {

std::string ListOf(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

}  // namespace

std::string ReportForwarder(const std::string& socket_path) {
  absl::StatusOr<ForwarderConnection> connection = ForwarderConnection::Open(socket_path);
  absl::StatusOr<control::State> state = connection.status().ok()
                                             ? connection->Describe()
                                             : absl::StatusOr<control::State>(connection.status());
  if (!state.ok()) return absl::StrCat("forwarder none: ", state.status().message(), "\n");
  std::string text =
      absl::StrCat("forwarder release ", state->version(), " process ", connection->pid());
  if (state->has_device()) {
    absl::StrAppend(&text, " device ", state->device().name(), " queues ",
                    state->device().queues());
  }
  absl::StrAppend(&text, "\nforwarder uses ", ListOf(state->using_()), "; lacks ",
                  ListOf(state->lacking()), "\n");
  for (const control::State::Count& count : state->counts()) {
    absl::StrAppend(&text, "forwarder count ", count.name(), " ", count.value(), "\n");
  }
  return text;
}

}  // namespace heddle::node

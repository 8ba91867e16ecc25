#include "node/dataplane/hooks.h"

namespace heddle::node {

void Hooks::Start() {}

absl::Status Hooks::Read(NetworkState* /*state*/) { return absl::OkStatus(); }

absl::Status Hooks::Write(Operation::Kind /*kind*/, const HookKey& /*key*/, const Hook& /*hook*/) {
  return absl::UnimplementedError("the extension backend is not built yet");
}

}  // namespace heddle::node

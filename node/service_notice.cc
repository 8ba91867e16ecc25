#include "node/service_notice.h"

#include <string.h>
#include <systemd/sd-daemon.h>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

void Notify(const std::string& state) {
  const int result = sd_notify(/*unset_environment=*/0, state.c_str());
  if (result < 0) spdlog::warn("cannot tell systemd '{}': {}", state, strerror(-result));
}

}  // namespace

void NotifyReady() { Notify("READY=1"); }
void NotifyStatus(const std::string& status) { Notify(absl::StrCat("STATUS=", status)); }
void NotifyStopping() { Notify("STOPPING=1"); }

}  // namespace heddle::node

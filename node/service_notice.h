// What systemd is told of the service; without systemd (no NOTIFY_SOCKET) these do nothing.
#pragma once

#include <string>

namespace heddle::node {

void NotifyReady();
void NotifyStatus(const std::string& status);  // one line, shown by `systemctl status`
void NotifyStopping();

}  // namespace heddle::node

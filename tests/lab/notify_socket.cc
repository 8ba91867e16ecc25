#include "tests/lab/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "tests/lab/error.h"

namespace heddle::lab {

NotifySocket::NotifySocket(std::string path) : path_(std::move(path)) {
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ThrowErrno(path_);
  }
}

NotifySocket::~NotifySocket() {
  close(fd_);
  unlink(path_.c_str());
}

bool NotifySocket::ready() {
  ReadAll();
  return received_.find("READY=1") != std::string::npos;
}

void NotifySocket::Forget() {
  ReadAll();
  received_.clear();
}

void NotifySocket::ReadAll() {
  char buffer[4096];
  ssize_t got = 0;
  while ((got = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
    received_.append(buffer, static_cast<std::size_t>(got)).push_back('\n');
  }
}

}  // namespace heddle::lab

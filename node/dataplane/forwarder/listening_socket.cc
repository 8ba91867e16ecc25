#include "node/dataplane/forwarder/listening_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/dataplane/forwarder/unix_address.h"
#include "spdlog/spdlog.h"

namespace heddle::node::forwarder {
namespace {

constexpr int kBacklog = 16;

absl::Status Failed(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot listen at ", path, ": ", strerror(errno)));
}

bool Answers(const sockaddr_un& address) {
  const Descriptor caller(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(caller.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::Bind(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const sockaddr_un address, ToUnixAddress(path));
  Descriptor opened(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!opened.is_open()) return Failed(path);
  if (Answers(address)) {
    return absl::AlreadyExistsError(
        absl::StrCat("another heddle-forwarder listens at ", path, " already"));
  }
  struct stat file;
  if (lstat(path.c_str(), &file) == 0) {
    if (!S_ISSOCK(file.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is a file of another kind: give another --socket"));
    }
    unlink(path.c_str());
  }
  const mode_t before = umask(0177);
  const int bound =
      bind(opened.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  umask(before);
  errno = error;
  if (bound != 0) return Failed(path);
  ListeningSocket listening(std::move(opened), path);
  if (listen(listening.fd(), kBacklog) != 0) return Failed(path);
  return listening;
}

absl::StatusOr<ListeningSocket> ListeningSocket::FromSystemd() {
  const int count = sd_listen_fds(/*unset_environment=*/1);
  if (count <= 0) return absl::NotFoundError("systemd passed no socket on");
  Descriptor passed(SD_LISTEN_FDS_START);
  if (count != 1 || sd_is_socket_unix(passed.get(), SOCK_STREAM, 1, nullptr, 0) <= 0) {
    return absl::InvalidArgumentError(
        "systemd must pass one listening Unix stream socket on, and no more");
  }
  fcntl(passed.get(), F_SETFL, fcntl(passed.get(), F_GETFL) | O_NONBLOCK);
  return ListeningSocket(std::move(passed), "");
}

ListeningSocket::ListeningSocket(Descriptor socket, std::string path)
    : socket_(std::move(socket)), path_(std::move(path)) {}

ListeningSocket::~ListeningSocket() {
  if (!socket_.is_open() || path_.empty()) return;
  unlink((is_hidden_ ? hidden_path() : path_).c_str());
}

void ListeningSocket::Hide() {
  if (path_.empty() || is_hidden_) return;
  if (rename(path_.c_str(), hidden_path().c_str()) != 0) {
    spdlog::error("cannot rename {}: {}", path_, strerror(errno));
    return;
  }
  is_hidden_ = true;
}

void ListeningSocket::Show() {
  if (!is_hidden_) return;
  if (rename(hidden_path().c_str(), path_.c_str()) != 0) {
    spdlog::error("cannot rename {}: {}", hidden_path(), strerror(errno));
    return;
  }
  is_hidden_ = false;
}

}  // namespace heddle::node::forwarder

// Where a forwarder is found: a Unix socket at a path, or one that systemd holds.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/forwarder/descriptor.h"

namespace heddle::node::forwarder {

class ListeningSocket {
 public:
  // Listens at `path`, for its own user alone (0600). What an earlier process left there is
  // replaced. AlreadyExists: a process answers there; nothing is changed. InvalidArgument,
  // Unavailable: the path is no good, and why.
  static absl::StatusOr<ListeningSocket> Bind(const std::string& path);
  // The one that systemd passed on (heddle-forwarder.socket), if it did: NotFound, else.
  static absl::StatusOr<ListeningSocket> FromSystemd();

  ListeningSocket(ListeningSocket&&) = default;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  // Removes its file.
  ~ListeningSocket();

  int fd() const { return socket_.get(); }
  // Nobody finds it any more, and its path is free for another; until Show.
  void Hide();
  void Show();

 private:
  ListeningSocket(Descriptor socket, std::string path);
  std::string hidden_path() const { return path_ + ".former"; }

  Descriptor socket_;
  std::string path_;  // empty: not ours
  bool is_hidden_ = false;
};

}  // namespace heddle::node::forwarder

// The socket that systemd would give a service for its notifications.
#pragma once

#include <string>

namespace heddle::lab {

// Owned by one thread.
class NotifySocket {
 public:
  explicit NotifySocket(std::string path);
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  const std::string& path() const { return path_; }  // for NOTIFY_SOCKET
  // Whether READY=1 has come since construction or the last Forget().
  bool ready();
  void Forget();

 private:
  void ReadAll();

  std::string path_, received_;
  int fd_ = -1;
};

}  // namespace heddle::lab

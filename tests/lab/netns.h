// A named network namespace: one host, one pod, or the wire between hosts.
#pragma once

#include <functional>
#include <string>

namespace heddle::lab {

// Lives under /run/netns/<name> (so `ip -n <name>` finds it) from construction to destruction. Its
// loopback is up; IPv6 duplicate detection, router solicitation and reverse path filtering are off.
// Thread-safe. Throws LabError.
class NetworkNamespace {
 public:
  explicit NetworkNamespace(std::string name);
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  const std::string& name() const { return name_; }
  int fd() const { return fd_; }

  // Runs `work` on a thread of its own inside the namespace and waits for it; what it throws is
  // thrown here. A socket opened inside stays in this namespace. Start no process inside: it would
  // die with the thread.
  void Enter(const std::function<void()>& work) const;

  // Sets /proc/sys/<path> of this namespace.
  void SetSysctl(const std::string& path, const std::string& value) const;

 private:
  std::string name_, path_;
  int fd_ = -1;
};

}  // namespace heddle::lab

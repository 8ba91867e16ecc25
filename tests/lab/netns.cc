#include "tests/lab/netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <fstream>
#include <thread>
#include <utility>

#include "tests/lab/error.h"

namespace heddle::lab {
namespace {

// Runs `work` on a thread and hands its exception on.
void OnThread(const std::function<void()>& work) {
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

void SetLoopbackUp() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  const int result = ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  if (result != 0) ThrowErrno("set lo up");
}

}  // namespace

NetworkNamespace::NetworkNamespace(std::string name)
    : name_(std::move(name)), path_("/run/netns/" + name_) {
  const int file = open(path_.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (file < 0) ThrowErrno(path_);
  close(file);
  OnThread([this] {
    if (unshare(CLONE_NEWNET) != 0) ThrowErrno("a network namespace for " + name_);
    if (mount("/proc/thread-self/ns/net", path_.c_str(), "none", MS_BIND, nullptr) != 0) {
      ThrowErrno("bind " + path_);
    }
    SetLoopbackUp();
  });
  fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) ThrowErrno(path_);
  for (const char* scope : {"all", "default"}) {
    const std::string v6 = std::string("net/ipv6/conf/") + scope;
    SetSysctl(v6 + "/accept_dad", "0");
    SetSysctl(v6 + "/router_solicitations", "0");
    SetSysctl(std::string("net/ipv4/conf/") + scope + "/rp_filter", "0");
  }
}

NetworkNamespace::~NetworkNamespace() {
  close(fd_);
  umount2(path_.c_str(), MNT_DETACH);
  unlink(path_.c_str());
}

void NetworkNamespace::Enter(const std::function<void()>& work) const {
  OnThread([&] {
    if (setns(fd_, CLONE_NEWNET) != 0) ThrowErrno("enter the network namespace " + name_);
    work();
  });
}

void NetworkNamespace::SetSysctl(const std::string& path, const std::string& value) const {
  Enter([&] {
    std::ofstream file("/proc/sys/" + path);
    file << value;
    file.flush();
    if (!file) ThrowErrno(name_ + ": sysctl " + path + " = " + value);
  });
}

}  // namespace heddle::lab

// A machine that serves the cluster, and what may happen to it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/lab/host.h"
#include "tests/lab/process.h"

namespace heddle::chaos {

// Packets between a host and some addresses are dropped, both ways, while this object lives.
class Partition {
 public:
  // `peers`: addresses and ranges as nftables writes a set ("192.0.2.1-192.0.2.9, 192.0.2.20");
  // "": everybody.
  Partition(const lab::Host& host, const std::string& peers);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

 private:
  const lab::Host& host_;
};

// One process on a host of its own. Of the main thread, with whose end the process ends.
class Server {
 public:
  enum class Role { kEtcd, kController };

  // `start` starts the process; both outlive this object.
  Server(Role role, const lab::Host& host, lab::Process* process, std::function<void()> start);

  Role role() const { return role_; }
  const std::string& name() const { return host_.name(); }
  std::string address() const { return host_.address(Family::kV4).ToString(); }

  void Start() { start_(); }
  // It runs, or a fault is why it does not. A program that ended by itself is a failure of the
  // test.
  bool AsExpected() { return killed_ || process_->running(); }
  bool faulty() const { return killed_ || paused_ || partition_ != nullptr; }
  std::string Log() const { return process_->Log(); }

  void Kill();
  void Pause();
  void CutFrom(const std::string& peers);
  // Ends whatever was done to it.
  void Heal();

 private:
  const Role role_;
  const lab::Host& host_;
  lab::Process* const process_;
  const std::function<void()> start_;
  bool killed_ = false, paused_ = false;
  std::unique_ptr<Partition> partition_;
};

}  // namespace heddle::chaos

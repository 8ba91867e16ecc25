// The kernel with its notifications: tells what others did to it from what we did ourselves.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/dataplane/kernel.h"
#include "node/dataplane/kernel_watch.h"

namespace heddle::node {

// Owned and called by one thread.
class WatchedDataplane final : public Dataplane {
 public:
  WatchedDataplane(std::unique_ptr<KernelDataplane> kernel, KernelWatch watch)
      : kernel_(std::move(kernel)), watch_(std::move(watch)) {}

  absl::StatusOr<NetworkState> Read() override { return kernel_->Read(); }

  std::vector<Failure> Apply(const std::vector<Operation>& operations) override {
    std::vector<Failure> failures = kernel_->Apply(operations);
    Drain(&operations);
    return failures;
  }

  // Readable when the kernel has changed, or the forwarder has ended. For poll(2).
  int fd() const { return watch_.fd(); }
  // The device whose changes matter besides our own; empty: none is chosen.
  void set_underlay_link(const std::string& name) { underlay_link_ = name; }

  // Whether somebody else may have changed the kernel since the last call.
  bool TakeHint() {
    Drain(nullptr);
    hint_ |= kernel_->TakeHint();
    return std::exchange(hint_, false);
  }

 private:
  void Drain(const std::vector<Operation>* just_applied) {
    hint_ |= watch_.Drain({kernel_->netlink_port(), underlay_link_, just_applied});
  }

  std::unique_ptr<KernelDataplane> kernel_;
  KernelWatch watch_;
  std::string underlay_link_;
  bool hint_ = false;
};

}  // namespace heddle::node

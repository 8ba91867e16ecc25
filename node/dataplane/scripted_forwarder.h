// For tests: what speaks as heddle-forwarder does and forwards nothing, at a real socket.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/control_channel.h"

namespace heddle::node {

// Does what it is asked, and takes note. Its thread ends with it, and closes all that it holds.
class ScriptedForwarder {
 public:
  ScriptedForwarder(std::string socket_path, std::string version);
  ~ScriptedForwarder();
  ScriptedForwarder(const ScriptedForwarder&) = delete;
  ScriptedForwarder& operator=(const ScriptedForwarder&) = delete;

  // Takes requests, and does not answer them.
  std::atomic<bool> is_mute{false};
  // Called before a change is done, and in place of anything that the old one does after it has
  // handed over. Set before the first connection.
  std::function<void(const forwarder::control::Request::Change&)> on_change;
  std::function<void()> on_hand_over;

  int connections() const { return connections_; }
  forwarder::control::State state();
  std::vector<forwarder::control::Request::Change> changes();
  // The kernel's numbers of the files behind the descriptors, in the order of state().
  std::vector<ino_t> files();

 private:
  void Run();
  // False: the connection is to be closed.
  bool Serve(forwarder::ControlChannel* channel);
  forwarder::control::Answer Do(const forwarder::control::Request& request,
                                std::vector<forwarder::Descriptor> descriptors);
  void Change(const forwarder::control::Request::Change& change,
              std::vector<forwarder::Descriptor> descriptors);

  const std::string socket_path_;
  forwarder::Descriptor listening_, stop_;
  std::atomic<int> connections_{0};
  Mutex mutex_;
  forwarder::control::State state_ ABSL_GUARDED_BY(mutex_);
  std::vector<forwarder::control::Request::Change> changes_ ABSL_GUARDED_BY(mutex_);
  std::vector<forwarder::Descriptor> descriptors_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace heddle::node

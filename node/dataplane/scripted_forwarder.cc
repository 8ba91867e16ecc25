#include "node/dataplane/scripted_forwarder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <list>
#include <utility>

#include "gtest/gtest.h"
#include "node/dataplane/forwarder/unix_address.h"

namespace heddle::node {
namespace {

using forwarder::Descriptor;
namespace control = forwarder::control;

Descriptor Listen(const std::string& path) {
  unlink(path.c_str());
  const auto address = forwarder::ToUnixAddress(path);
  Descriptor listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(bind(listening.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)),
            0);
  EXPECT_EQ(listen(listening.get(), 8), 0);
  return listening;
}

}  // namespace

ScriptedForwarder::ScriptedForwarder(std::string socket_path, std::string version)
    : socket_path_(std::move(socket_path)),
      listening_(Listen(socket_path_)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  state_.set_version(std::move(version));
  thread_ = std::thread([this] { Run(); });
}

ScriptedForwarder::~ScriptedForwarder() {
  const std::uint64_t one = 1;
  EXPECT_EQ(write(stop_.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  thread_.join();
  if (listening_.is_open()) unlink(socket_path_.c_str());
}

control::State ScriptedForwarder::state() {
  MutexLock lock(&mutex_);
  return state_;
}

std::vector<control::Request::Change> ScriptedForwarder::changes() {
  MutexLock lock(&mutex_);
  return changes_;
}

std::vector<ino_t> ScriptedForwarder::files() {
  MutexLock lock(&mutex_);
  std::vector<ino_t> numbers;
  for (const Descriptor& descriptor : descriptors_) {
    struct stat file {};
    EXPECT_EQ(fstat(descriptor.get(), &file), 0);
    numbers.push_back(file.st_ino);
  }
  return numbers;
}

void ScriptedForwarder::Run() {
  std::list<forwarder::ControlChannel> channels;
  while (true) {
    std::vector<pollfd> fds = {{stop_.get(), POLLIN, 0}, {listening_.get(), POLLIN, 0}};
    for (const auto& channel : channels) fds.push_back({channel.fd(), POLLIN, 0});
    poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) return;
    auto channel = channels.begin();
    for (std::size_t i = 2; i < fds.size(); ++i) {
      const bool stays = fds[i].revents == 0 || Serve(&*channel);
      channel = stays ? std::next(channel) : channels.erase(channel);
    }
    if (fds[1].revents == 0 || !listening_.is_open()) continue;
    channels.emplace_back(Descriptor(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    ++connections_;
  }
}

bool ScriptedForwarder::Serve(forwarder::ControlChannel* channel) {
  auto message = channel->Receive(absl::Seconds(5));
  if (!message.ok()) return false;
  control::Request request;
  EXPECT_TRUE(request.ParseFromString(message->bytes));
  if (is_mute) return true;
  const control::Answer answer = Do(request, std::move(message->descriptors));
  std::vector<int> descriptors;
  if (request.has_hand_over()) {
    listening_ = Descriptor();
    if (on_hand_over) on_hand_over();
    MutexLock lock(&mutex_);
    for (const Descriptor& descriptor : descriptors_) descriptors.push_back(descriptor.get());
  }
  return channel->Send(answer.SerializeAsString(), descriptors, absl::Seconds(5)).ok();
}

control::Answer ScriptedForwarder::Do(const control::Request& request,
                                      std::vector<Descriptor> descriptors) {
  if (request.has_change()) Change(request.change(), std::move(descriptors));
  MutexLock lock(&mutex_);
  control::Answer answer;
  if (!request.has_change()) *answer.mutable_state() = state_;
  return answer;
}

// Listeners and tunnels are put in, and only all together taken out: what the tests need.
void ScriptedForwarder::Change(const control::Request::Change& change,
                               std::vector<Descriptor> descriptors) {
  if (on_change) on_change(change);
  MutexLock lock(&mutex_);
  changes_.push_back(change);
  if (change.forget_device()) {
    const std::string version = state_.version();
    state_.Clear();
    state_.set_version(version);
    descriptors_.clear();
  }
  std::size_t named = change.device().queues();
  for (const auto& listener : change.listen()) named += listener.sockets();
  EXPECT_EQ(descriptors.size(), named);
  if (change.has_device()) *state_.mutable_device() = change.device();
  state_.mutable_listeners()->MergeFrom(change.listen());
  state_.mutable_tunnels()->MergeFrom(change.set());
  for (const auto& listener : change.readdress()) {
    for (auto& held : *state_.mutable_listeners()) {
      if (held.local() == listener.local()) *held.mutable_subnets() = listener.subnets();
    }
  }
  for (Descriptor& descriptor : descriptors) descriptors_.push_back(std::move(descriptor));
}

}  // namespace heddle::node

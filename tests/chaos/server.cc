#include "tests/chaos/server.h"

#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/lab/command.h"

namespace heddle::chaos {
namespace {

constexpr char kTable[] = "inet partition";

}  // namespace

// Before everything else, so that not even a connection that is tracked goes on.
Partition::Partition(const lab::Host& host, const std::string& peers) : host_(host) {
  lab::RunCommand(&host.netns(), absl::StrCat("nft add table ", kTable));
  const struct {
    const char *hook, *device, *address;
  } kWays[] = {{"input", "iifname", "saddr"}, {"output", "oifname", "daddr"}};
  for (const auto& way : kWays) {
    const std::string chain = absl::StrCat(kTable, " ", way.hook);
    const std::string match =
        peers.empty() ? "" : absl::StrCat(" ip ", way.address, " { ", peers, " }");
    for (const std::string& words :
         {absl::StrCat("add chain ", chain, " { type filter hook ", way.hook, " priority -400 ; }"),
          absl::StrCat("add rule ", chain, " ", way.device, " eth0", match, " drop")}) {
      lab::RunCommand(&host.netns(), "nft " + words);
    }
  }
}

Partition::~Partition() {
  lab::TryRun({{"nft", "delete", "table", "inet", "partition"}, {}, &host_.netns()});
}

Server::Server(Role role, const lab::Host& host, lab::Process* process, std::function<void()> start)
    : role_(role), host_(host), process_(process), start_(std::move(start)) {}

void Server::Kill() {
  killed_ = true;
  process_->Kill();
}

void Server::Pause() {
  paused_ = true;
  process_->Signal(SIGSTOP);
}

void Server::CutFrom(const std::string& peers) {
  partition_ = std::make_unique<Partition>(host_, peers);
}

void Server::Heal() {
  if (paused_) process_->Signal(SIGCONT);
  if (killed_) start_();
  partition_ = nullptr;
  killed_ = paused_ = false;
}

}  // namespace heddle::chaos

// The extension backend's PreStartupCommand: run before this node asks for a lease, once in a
// process for each text of the command, and again after a failure. It is a child that is looked
// after now and then, so that the agent's thread never waits for it.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/network.h"
#include "base/backoff.h"
#include "base/program.h"

namespace heddle::node {

struct PreStartupOptions {
  bool run_commands = false;  // --allow-extension-commands; without it nothing is ever run
  absl::Duration time_limit = absl::Seconds(30);
  absl::Duration retry_initial = absl::Seconds(1), retry_maximum = absl::Seconds(60);
  std::uint64_t seed = 0;  // of the jitter
};

// Not thread-safe: the agent's. When it dies, a command that runs still is killed.
class PreStartup {
 public:
  // What the command printed, trimmed; absent: nothing is known (any more): the network has no such
  // command, or another one. Not OK: it failed, with what it said, and is tried again.
  using News = absl::StatusOr<std::optional<std::string>>;

  explicit PreStartup(PreStartupOptions options)
      : options_(options),
        random_(options.seed),
        retry_(options.retry_initial, options.retry_maximum) {}

  // Starts, looks after or ends what `network` asks for, and tells when there is something new.
  std::optional<News> Step(const Network& network, absl::Time now);
  // When to call Step again, unless the network changes before.
  absl::Time next_due() const { return due_; }

 private:
  std::optional<News> Start(absl::Time now);
  News Judge(const ProgramEnd& end) const;
  News Failed(const absl::Status& status) const;
  News Tell(News news, absl::Time now);

  const PreStartupOptions options_;
  std::mt19937_64 random_;
  Backoff retry_;
  std::string command_;             // empty: none is asked for
  std::optional<Program> program_;  // while it runs
  absl::Time due_ = absl::InfiniteFuture();
};

}  // namespace heddle::node

// The node's one thread: it waits for the controller, the kernel and the clock, and drives the
// executor. Everything else it owns: the session, the files, what systemd is told.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "node/enrolment/enrolment.h"
#include "node/event_queue.h"
#include "node/executor.h"
#include "node/host/host_facts.h"
#include "node/pre_startup.h"
#include "node/probe/host_findings.h"
#include "node/probe/prober.h"
#include "node/session.h"
#include "node/watched_dataplane.h"

namespace heddle::node {

struct AgentOptions {
  ExecutorOptions executor;
  SessionOptions session;
  UnderlayOptions underlay;
  ProberOptions prober;
  std::string subnet_file;    // "/run/heddle/subnet.env"
  std::string hooks_file;     // beside it: what commands of the network's were run
  std::string snapshot_file;  // under --state-dir
};

class Agent {
 public:
  // `dataplane` must belong to the calling thread's network namespace; Run is to be called there.
  // `enrolment`: null where the session is insecure.
  Agent(AgentOptions options, WatchedDataplane dataplane, std::unique_ptr<Enrolment> enrolment);

  // Until `stop_fd` becomes readable. Leaves the data plane as it is. Not OK: poll(2) failed.
  absl::Status Run(int stop_fd);

 private:
  absl::Status Wait(int stop_fd, bool* stop);
  absl::Time NextDue() const;
  void TakeEvents();
  void TakeUpdate(Update update, absl::Time now);
  void FollowEnrolment(absl::Time now);
  void TakeHints();
  void LookAtHost(absl::Time now);
  void RunPreStartup(absl::Time now);
  void UseUnderlay(const HostFacts& facts, absl::Time now);
  void Remember(absl::Time now);
  void RestoreSnapshot();
  void RestoreSubnets();
  void SaveSnapshot();
  void WriteSubnetFile(absl::Time now);
  void Advertise();
  void CompareLease();
  void Probe(absl::Time now);
  Reachability SeenReachability() const;
  void Report();
  void NoteStale(const Heartbeat& heartbeat);
  void TellSystemd();
  std::vector<std::string> Problems() const;

  const AgentOptions options_;
  EventQueue events_;  // outlives enrolment_ and session_, whose threads post to it
  const std::unique_ptr<Enrolment> enrolment_;                // outlives session_
  std::shared_ptr<const identity::Credentials> credentials_;  // as the session knows
  WatchedDataplane dataplane_;
  Executor executor_;
  PreStartup pre_startup_;
  Session session_;
  Prober prober_;
  HostFindings host_findings_;
  std::vector<HostFinding> findings_;                    // of the last look
  absl::Time look_for_findings_ = absl::InfinitePast();  // when to look again

  absl::Time look_at_host_ = absl::InfinitePast();  // when to read the host's own links again
  absl::Time last_look_ = absl::InfinitePast();
  std::optional<Network> network_looked_for_;  // the families of which were asked for
  PerFamily<Ip> source_address_;               // of the underlay, when last looked
  absl::Time save_at_ = absl::InfiniteFuture();
  absl::Duration save_took_;
  absl::Time write_again_ = absl::InfinitePast();  // not before: subnet.env, once that failed
  std::uint64_t saved_version_ = 0;

  PerFamily<Prefix> former_subnets_;  // to ask for when nothing else is remembered

  // What was last told to whom.
  std::uint64_t advertised_stream_ = 0, reported_stream_ = 0, probed_stream_ = 0;
  std::optional<Advertisement> advertised_;
  bool advertised_again_ = false;  // since the last heartbeat, for a lease that had another
  Applied reported_;
  bool report_due_ = false;  // the controller waits for it
  std::string subnet_file_content_, service_status_;
  bool ready_told_ = false;

  // The agent's own; the executor has its.
  PerFamily<std::string> forwarding_problems_;
  absl::Status subnet_file_status_, snapshot_status_;
  std::vector<std::string> problems_logged_;
  bool stale_logged_ = false;
};

}  // namespace heddle::node

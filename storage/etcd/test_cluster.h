// An etcd cluster for tests and benchmarks: real members of the installed etcd, on loopback
// addresses with free ports, in a folder of its own that goes with it. Members can be killed,
// paused, restarted and restored from a snapshot.
//
// Not thread-safe. The members run in the network namespace of the thread that starts them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/program.h"

namespace heddle::storage {

class EtcdTestCluster {
 public:
  struct Options {
    int members = 1;
    // One loopback address of each member, so that rules can cut one off; absent: 127.0.0.1.
    std::vector<std::string> addresses;
    bool with_tls = false;                    // a client then needs `files()`
    std::vector<std::string> more_arguments;  // of every member
    std::string parent_folder;                // absent: TEST_TMPDIR, or /tmp
  };
  // For clients; empty without TLS.
  struct Files {
    std::string ca, certificate, key;
  };

  // Returns when every member serves. NotFound: etcd is not installed. Any other error quotes the
  // end of the log of a member that does not serve.
  static absl::StatusOr<std::unique_ptr<EtcdTestCluster>> Start(Options options);
  // Kills the members that run and removes the folder.
  ~EtcdTestCluster();

  int size() const { return static_cast<int>(members_.size()); }
  // host:port of every member, whether it runs or not.
  std::vector<std::string> endpoints() const;
  const std::string& endpoint(int member) const { return members_[member].client; }
  const Files& files() const { return files_; }
  const std::string& folder() const { return folder_; }

  void Kill(int member);  // SIGKILL; it keeps what it had on its disk
  void Pause(int member);
  void Continue(int member);
  bool runs(int member) const { return members_[member].program.has_value(); }  // or is paused
  // Starts a member that was killed, on its old ports; does not wait.
  absl::Status Restart(int member);
  // Until each running member answers a linearizable read.
  absl::Status WaitUntilServing() const;
  // The member that leads; nothing when none is known.
  std::optional<int> Leader() const;

  // Runs etcdctl with the endpoints and files of this cluster; what it printed.
  absl::StatusOr<std::string> Etcdctl(const std::vector<std::string>& words) const;
  absl::Status SaveSnapshot(const std::string& file) const;
  // Kills all, puts the state of `file` in the place of theirs, and starts them again.
  absl::Status RestoreSnapshot(const std::string& file);

 private:
  struct Member {
    std::string name, data_folder, log_file;
    std::string client, peer;  // host:port
    std::optional<Program> program;
  };

  EtcdTestCluster(Options options, std::string folder);
  absl::Status ChoosePorts();
  absl::StatusOr<std::string> RunEtcdctl(const std::string& endpoints,
                                         const std::vector<std::string>& words) const;
  absl::Status StartAll();
  absl::Status WaitFor(const Member& member) const;
  std::string Url(const std::string& host_port) const;
  std::string InitialCluster() const;
  std::vector<std::string> Arguments(const Member& member) const;

  const Options options_;
  const std::string folder_;
  Files files_;
  std::vector<Member> members_;
};

}  // namespace heddle::storage

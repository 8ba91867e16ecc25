// Nodes without a kernel for the benchmark of security: each attaches to a controller over a
// connection of its own and says at once that it has applied what it was told.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "tests/lab/pki.h"

namespace heddle::bench {

// Calls of one thread; each node has another one, which reads its stream.
class FakeNodes {
 public:
  // `pki` null: without TLS. Makes the identities of "node-0", "node-1", ... here and now.
  FakeNodes(const std::string& address, const lab::Pki* pki, int count);
  ~FakeNodes();

  void AttachAll();
  bool WaitForWelcomes(absl::Duration limit);
  void AdvertiseAll();
  // Until each has been told of all.
  bool WaitForPeers(absl::Duration limit);
  // "node-0" has another MAC from now on; `version` is 1 to 255, and greater than any before.
  void ChangeFirst(int version);
  bool WaitForVersion(int version, absl::Duration limit);
  void DetachAll();
  // Why the first stream that ended did so, or that none has.
  std::string Failure();

 private:
  class Node;
  // How many nodes have come so far; guarded by mutex_.
  struct Counts {
    std::size_t attached = 0, complete = 0;
    std::map<int, std::size_t> told;  // by version
  };

  // Until `count` has reached as many; false: not within the limit, or a stream has ended.
  bool Wait(absl::Duration limit, std::size_t many,
            const std::function<std::size_t(const Counts&)>& count);
  // Of a node's thread, whenever it has news.
  void Count(const std::function<void(Counts*)>& add);
  void Ended(const std::string& why);

  Mutex mutex_;
  std::condition_variable changed_;
  Counts counts_;
  std::string failure_;                       // guarded by mutex_
  bool detaching_ = false;                    // guarded by mutex_
  std::vector<std::unique_ptr<Node>> nodes_;  // last: their threads use the above
};

}  // namespace heddle::bench

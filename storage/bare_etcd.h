// The yardstick of the etcd engine: transactions of the same shape on a client with nothing around
// it, neither copy nor feed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/commit_rates.h"
#include "storage/etcd/client.h"

namespace heddle::storage {

class BareEtcd final : public Bare {
 public:
  // `writes`: the puts of transaction `number`; all different.
  BareEtcd(const std::vector<std::string>& endpoints,
           std::function<std::vector<Write>(int)> writes);
  ~BareEtcd() override;

  // Keeps `in_flight` transactions going: each guards that the keys are absent and that a leader's
  // key is still the one it was, and puts them.
  Rate Run(int in_flight, double seconds) override;

 private:
  class Loop;

  const std::function<std::vector<Write>(int)> writes_;
  std::unique_ptr<EtcdClient> client_;
  std::int64_t leader_created_ = 0;
  int next_ = 0;
};

}  // namespace heddle::storage

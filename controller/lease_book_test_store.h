// The least a store can be, for tests of the pure book: guarded transactions on a map, each
// answered with the changes that the feed would carry.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/store.h"

namespace heddle::controller {

class TestStore {
 public:
  // Nothing when a guard failed.
  std::optional<std::vector<storage::Change>> Commit(const storage::Transaction& transaction);

  storage::Revision revision() const { return revision_; }
  const std::map<std::string, storage::Record>& records() const { return records_; }

 private:
  bool Holds(const storage::Guard& guard) const;

  storage::Revision revision_ = 0;
  std::map<std::string, storage::Record> records_;
};

}  // namespace heddle::controller

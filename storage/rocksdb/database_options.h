// How RocksDB is set up: for a few megabytes of records, little memory, and damage that is told
// rather than repaired.
#pragma once

#include "rocksdb/options.h"

namespace heddle::storage {

rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env);
rocksdb::ColumnFamilyOptions TableOptions();

}  // namespace heddle::storage

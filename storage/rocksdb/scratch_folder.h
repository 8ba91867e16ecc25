// A folder for one test, under the test's own temporary directory, removed at the end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace heddle::storage {

class ScratchFolder {
 public:
  ScratchFolder() : path_(testing::TempDir() + "/storage-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) {
      ADD_FAILURE() << "cannot make " << path_;
      std::abort();
    }
  }
  ~ScratchFolder() {
    std::error_code ignored;  // the sandbox is thrown away whole
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace heddle::storage

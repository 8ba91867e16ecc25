#include "node/dataplane/operation_batch.h"

#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

constexpr std::size_t kBatchMessages = 128;
constexpr std::size_t kBatchBytes = 32 << 10;

}  // namespace

void AddFailure(const Operation& operation, const absl::Status& status,
                std::vector<Failure>* failures) {
  failures->push_back(
      {operation,
       absl::Status(status.code(), absl::StrCat(operation.ToString(), ": ", status.message()))});
}

bool OperationBatch::is_full() const {
  return messages_.message_count() >= kBatchMessages || messages_.bytes().size() >= kBatchBytes;
}

void OperationBatch::FailAll(const absl::Status& status, std::vector<Failure>* failures) const {
  const Operation* last = nullptr;
  for (const Operation* operation : owners_) {
    if (operation != last) AddFailure(*operation, status, failures);
    last = operation;
  }
}

void OperationBatch::Clear() {
  messages_.Clear();
  owners_.clear();
}

}  // namespace heddle::node

// Any bytes as what a store has kept under our keys, which a backup or another writer may have put
// there: certificates, join tokens, owners of addresses, and what RocksDB keeps of records.
#include "controller/certificate_record.h"
#include "controller/lease_record.h"
#include "storage/rocksdb/codec.h"
#include "tests/fuzz/fuzz.h"

namespace heddle {
namespace {

using fuzz::Accepted;
using fuzz::Require;

// The key of the record is the first line, as far as the input has one.
storage::Record ToRecord(const std::string& input) {
  const std::size_t end = input.find('\n');
  if (end == std::string::npos) return {"", input, 1, 1};
  return {input.substr(0, end), input.substr(end + 1), 1, 1};
}

// What is accepted is written and accepted again, as the same bytes.
template <typename Decode, typename Encode>
void CheckRecord(storage::Record record, Decode decode, Encode encode) {
  const auto value = decode(record);
  if (!Accepted(value)) return;
  record.value = encode(*value);
  const auto again = decode(record);
  Require(again.ok() && encode(*again) == record.value);
}

void CheckCertificate(const std::string& input) {
  CheckRecord(ToRecord(input), controller::DecodeCertificate, controller::EncodeCertificate);
}

void CheckToken(const std::string& input) {
  CheckRecord(ToRecord(input), controller::DecodeToken, controller::EncodeToken);
}

void CheckAddressOwner(const std::string& input) {
  const auto owner = controller::DecodeAddressOwner(ToRecord(input));
  if (Accepted(owner)) Require(ValidateNodeId(*owner).ok());
}

void CheckStored(const std::string& bytes) {
  CheckRecord(
      {"key", bytes, 0, 0},
      [](const storage::Record& record) { return storage::DecodeRecord(record.key, record.value); },
      storage::EncodeRecord);
}

void CheckBatch(const std::string& bytes) {
  CheckRecord(
      {"", bytes, 0, 0},
      [](const storage::Record& record) { return storage::DecodeBatch(7, record.value); },
      storage::EncodeBatch);
}

void CheckNumber(const std::string& bytes) {
  const auto number = storage::DecodeNumber(bytes);
  if (Accepted(number)) Require(storage::EncodeNumber(*number) == bytes);
}

}  // namespace
}  // namespace heddle

HEDDLE_FUZZ_ONE_OF(heddle::CheckCertificate, heddle::CheckToken, heddle::CheckAddressOwner,
                   heddle::CheckStored, heddle::CheckBatch, heddle::CheckNumber)

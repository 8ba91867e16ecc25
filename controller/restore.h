// The records of a store replaced by those of a backup, and a new history begun.
//
// What happens, in order: the writer notes in the store that its records are being replaced
// (Writer::MarkRestore); what differs is written in transactions that the note guards; the store
// begins a new history, in which the note says nothing any more. Interrupted anywhere, the store
// says that it is torn, and doing all of it again completes it.
//
// Two kinds of records are not those of the backup. What the store says of certificates stays:
// those that were issued since are out, and what is revoked stays revoked. Join tokens go: a ticket
// that was used after the backup was made must not be good again.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "controller/writer.h"
#include "storage/store.h"

namespace heddle::controller {

// Blocks on the store; not for the writer's thread. `ending` is looked at between transactions.
// FailedPrecondition: another restore or another leader has taken over. Unavailable: interrupted;
// says that it must be run again.
absl::Status ReplaceRecords(storage::Store* store, const Writer::RestoreBegun& begun,
                            const std::map<std::string, std::string>& records,
                            const std::atomic<bool>& ending);

}  // namespace heddle::controller

// What `heddlectl doctor` has heard, gathered for its view.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/heddle/v1/admin.pb.h"
#include "api/probe.h"
#include "cli/view.h"

namespace heddle::cli {

struct Diagnoses {
  struct Pair {
    std::string from;
    PeerProbe probe;
    std::string verdict, advice;
  };
  struct NodeEnd {
    std::string error;            // "": it has probed
    std::uint32_t max_peers = 0;  // it probed a choice of that many; 0: all
  };
  std::vector<Pair> pairs;
  std::vector<std::pair<std::string, HostFinding>> findings;  // by node
  std::map<std::string, NodeEnd> ends;                        // of the nodes that were asked
};

// Adds what one event says. InvalidArgument when it makes no sense.
absl::Status AddEvent(const v1::DiagnoseEvent& event, Diagnoses* diagnoses);

// Whether no pair, no host and no node's answer is amiss. A node that is not attached is: it was
// asked.
bool IsWell(const Diagnoses& diagnoses);

// One line for each pair that is not well, or for each pair; what to do, each sentence once; and
// the summary.
View DoctorView(Diagnoses diagnoses, bool verbose);

}  // namespace heddle::cli

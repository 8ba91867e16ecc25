#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "api/convert_probe.h"
#include "base/status_macros.h"
#include "cli/doctor.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

constexpr char kWell[] = "ok";

std::string RttText(absl::Duration rtt) {
  return absl::StrFormat("%.2f ms", absl::ToDoubleMilliseconds(rtt));
}

// "0.21 ms", "full size lost (1400 pass)", "no answer", "not sent", or "" when not probed.
std::string WayText(const Probe& small, const Probe& full, std::uint32_t largest_bytes) {
  if (!small.was_probed()) return "";
  if (!small.error.empty()) return "not sent";
  if (!small.answered) return "no answer";
  if (!full.failed()) return RttText(small.rtt);
  return largest_bytes > 0 ? absl::StrCat(full.size_bytes, " lost, ", largest_bytes, " pass")
                           : absl::StrCat(full.size_bytes, " lost");
}

// "min 0.10 ms, median 0.20 ms, max 0.90 ms" of what was answered; "not probed".
std::string RttSummary(const std::vector<Diagnoses::Pair>& pairs, const Probe PeerProbe::*probe) {
  std::vector<absl::Duration> rtts;
  for (const Diagnoses::Pair& pair : pairs) {
    if ((pair.probe.*probe).answered) rtts.push_back((pair.probe.*probe).rtt);
  }
  if (rtts.empty()) return "no answers";
  std::sort(rtts.begin(), rtts.end());
  return absl::StrCat("min ", RttText(rtts.front()), ", median ", RttText(rtts[rtts.size() / 2]),
                      ", max ", RttText(rtts.back()));
}

Json ProbeJson(const Probe& probe) {
  if (!probe.was_probed()) return nullptr;
  Json json;
  json["sizeBytes"] = probe.size_bytes;
  json["answered"] = probe.answered;
  json["rttSeconds"] = probe.answered ? Json(absl::ToDoubleSeconds(probe.rtt)) : Json(nullptr);
  json["error"] = probe.error.empty() ? Json(nullptr) : Json(probe.error);
  return json;
}

Json WayJson(const std::optional<Ip>& address, const Probe& small, const Probe& full,
             std::uint32_t largest_bytes) {
  Json json;
  json["address"] = address ? Json(address->ToString()) : Json(nullptr);
  json["small"] = ProbeJson(small);
  json["full"] = ProbeJson(full);
  json["largestBytes"] = largest_bytes == 0 ? Json(nullptr) : Json(largest_bytes);
  return json;
}

Json PairJson(const Diagnoses::Pair& pair) {
  const PeerProbe& probe = pair.probe;
  Json json;
  json["from"] = pair.from;
  json["to"] = probe.node_id;
  json["family"] = std::string(FamilyName(probe.family));
  json["backend"] = probe.backend_type;
  json["verdict"] = pair.verdict;
  json["advice"] = pair.advice.empty() ? Json(nullptr) : Json(pair.advice);
  json["underlay"] = WayJson(probe.underlay_address, probe.underlay_small, probe.underlay_full,
                             probe.underlay_largest_bytes);
  json["overlay"] = WayJson(probe.overlay_address, probe.overlay_small, probe.overlay_full,
                            probe.overlay_largest_bytes);
  json["overlayAnyMac"] = ProbeJson(probe.overlay_any_mac);
  return json;
}

Json DoctorJson(const Diagnoses& diagnoses, bool verbose, std::size_t well) {
  Json json;
  json["well"] = IsWell(diagnoses);
  json["pairs"] = diagnoses.pairs.size();
  json["pairsWell"] = well;
  json["results"] = Json::array();
  for (const Diagnoses::Pair& pair : diagnoses.pairs) {
    if (verbose || pair.verdict != kWell) json["results"].push_back(PairJson(pair));
  }
  json["findings"] = Json::array();
  for (const auto& [node_id, finding] : diagnoses.findings) {
    json["findings"].push_back(
        {{"node", node_id}, {"cause", finding.cause}, {"message", finding.message}});
  }
  json["nodes"] = Json::array();
  for (const auto& [node_id, end] : diagnoses.ends) {
    Json node;
    node["nodeId"] = node_id;
    node["error"] = end.error.empty() ? Json(nullptr) : Json(end.error);
    node["maxPeers"] = end.max_peers == 0 ? Json(nullptr) : Json(end.max_peers);
    json["nodes"].push_back(std::move(node));
  }
  return json;
}

// What to do, each sentence once: one host's fault is that of all its pairs.
std::vector<std::string> Advice(const Diagnoses& diagnoses) {
  std::vector<std::string> lines;
  std::set<std::string> told;
  const auto tell = [&](const std::string& line) {
    if (told.insert(line).second) lines.push_back(line);
  };
  for (const Diagnoses::Pair& pair : diagnoses.pairs) {
    if (!pair.advice.empty()) tell(absl::StrCat(pair.verdict, ": ", pair.advice, "."));
  }
  for (const auto& [node_id, finding] : diagnoses.findings) {
    tell(absl::StrCat(finding.cause, ": ", node_id, ": ", finding.message, "."));
  }
  for (const auto& [node_id, end] : diagnoses.ends) {
    if (!end.error.empty()) tell(absl::StrCat(node_id, " has not probed all: ", end.error, "."));
  }
  return lines;
}

std::string Summary(const Diagnoses& diagnoses, std::size_t well) {
  const std::size_t all = diagnoses.pairs.size();
  if (all == 0) return "No pair was probed: there are no two nodes with a path between them.";
  return absl::StrCat(well, " of ", all, " pairs ok. Round trips: underlay ",
                      RttSummary(diagnoses.pairs, &PeerProbe::underlay_small), "; overlay ",
                      RttSummary(diagnoses.pairs, &PeerProbe::overlay_small), ".");
}

// What a reader must know of what was left out.
void AppendLimits(const Diagnoses& diagnoses, std::vector<std::string>* lines) {
  std::size_t underlay_only = 0;
  std::uint32_t max_peers = 0;
  for (const auto& [node_id, end] : diagnoses.ends) {
    max_peers = std::max(max_peers, end.max_peers);
  }
  for (const Diagnoses::Pair& pair : diagnoses.pairs) {
    underlay_only += !pair.probe.overlay_small.was_probed();
  }
  if (max_peers > 0) {
    lines->push_back(absl::StrCat("Each node probed a random choice of ", max_peers,
                                  " peers; --max-peers allows more, --peer names them."));
  }
  if (underlay_only > 0) {
    lines->push_back(absl::StrCat(underlay_only,
                                  " pairs were probed on the underlay only: their backend gives "
                                  "hosts no address in the pod network, and pods' packets take "
                                  "the underlay's way."));
  }
}

}  // namespace

absl::Status AddEvent(const v1::DiagnoseEvent& event, Diagnoses* diagnoses) {
  if (event.has_probe()) {
    HEDDLE_ASSIGN_OR_RETURN(PeerProbe probe, FromProto(event.probe()));
    if (event.verdict().empty()) return absl::InvalidArgumentError("verdict: it must be there");
    diagnoses->pairs.push_back(
        {event.node_id(), std::move(probe), event.verdict(), event.advice()});
  }
  if (event.has_host()) {
    HEDDLE_ASSIGN_OR_RETURN(HostFinding finding, FromProto(event.host()));
    diagnoses->findings.emplace_back(event.node_id(), std::move(finding));
  }
  if (event.node_done()) {
    diagnoses->ends[event.node_id()] = {event.node_error(), event.max_peers()};
  }
  return absl::OkStatus();
}

bool IsWell(const Diagnoses& diagnoses) {
  return diagnoses.findings.empty() &&
         std::all_of(diagnoses.pairs.begin(), diagnoses.pairs.end(),
                     [](const Diagnoses::Pair& pair) { return pair.verdict == kWell; }) &&
         std::all_of(diagnoses.ends.begin(), diagnoses.ends.end(),
                     [](const auto& end) { return end.second.error.empty(); });
}

View DoctorView(Diagnoses diagnoses, bool verbose) {
  std::sort(diagnoses.pairs.begin(), diagnoses.pairs.end(),
            [](const Diagnoses::Pair& a, const Diagnoses::Pair& b) {
              const bool a_well = a.verdict == kWell, b_well = b.verdict == kWell;
              if (a_well != b_well) return b_well;
              if (a.from != b.from) return NaturalLess(a.from, b.from);
              if (a.probe.node_id != b.probe.node_id) {
                return NaturalLess(a.probe.node_id, b.probe.node_id);
              }
              return a.probe.family < b.probe.family;
            });
  std::sort(diagnoses.findings.begin(), diagnoses.findings.end(), [](const auto& a, const auto& b) {
    if (a.first != b.first) return NaturalLess(a.first, b.first);
    return a.second.message < b.second.message;
  });
  const auto well = static_cast<std::size_t>(
      std::count_if(diagnoses.pairs.begin(), diagnoses.pairs.end(),
                    [](const Diagnoses::Pair& pair) { return pair.verdict == kWell; }));
  View view;
  view.json = DoctorJson(diagnoses, verbose, well);
  view.table.columns = {{"FROM"}, {"TO"}, {"FAMILY"}, {"VERDICT"}, {"UNDERLAY"}, {"OVERLAY"}};
  for (const Diagnoses::Pair& pair : diagnoses.pairs) {
    if (!verbose && pair.verdict == kWell) continue;
    const PeerProbe& probe = pair.probe;
    view.table.rows.push_back(
        {pair.from, probe.node_id, std::string(FamilyName(probe.family)), pair.verdict,
         WayText(probe.underlay_small, probe.underlay_full, probe.underlay_largest_bytes),
         WayText(probe.overlay_small, probe.overlay_full, probe.overlay_largest_bytes)});
  }
  view.lines = Advice(diagnoses);
  view.lines.push_back(Summary(diagnoses, well));
  AppendLimits(diagnoses, &view.lines);
  return view;
}

}  // namespace heddle::cli

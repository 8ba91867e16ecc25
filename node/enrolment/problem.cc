#include "node/enrolment/problem.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "identity/principal.h"
#include "node/enrolment/renewal_schedule.h"

namespace heddle::node {
namespace {

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

std::string Because(const std::string& reason) {
  return reason.empty() ? "" : absl::StrCat(" (", reason, ")");
}

std::string OfCertificate(const EnrolmentFacts& facts, absl::Time now) {
  const identity::Certificate& certificate = *facts.certificate;
  const std::string name =
      absl::StrCat("the certificate of ", identity::ToString(certificate.principal));
  const bool own = facts.own_files.has_value();
  const std::string replace =
      own ? absl::StrCat("replace ", facts.own_files->certificate, ", which is followed") : "";
  const identity::Principal principal{identity::Role::kNode, facts.node_id};
  if (certificate.principal != principal) {
    return absl::StrCat(name, " does not prove ", identity::ToString(principal), ": ",
                        own ? replace : "set --node-id, or join anew");
  }
  if (now < certificate.not_before) {
    return absl::StrCat(name, " holds only from ", TimeText(certificate.not_before),
                        " by this host's clock: set the clock");
  }
  if (now >= certificate.not_after) {
    return absl::StrCat(name, " has ended at ", TimeText(certificate.not_after),
                        " by this host's clock; no controller serves it, the data plane stays as "
                        "it is: ",
                        own ? replace : AskForTicket(facts), Because(facts.failure));
  }
  if (!facts.refused.empty()) {
    return absl::StrCat(name, " is refused (", facts.refused,
                        "); the data plane stays as it is: ", own ? replace : AskForTicket(facts),
                        Because(facts.failure));
  }
  const absl::Duration life = certificate.not_after - certificate.not_before;
  if (certificate.not_after - now >= life / kWarnAtFractionOfLife) return "";
  return absl::StrCat(name, " ends at ", TimeText(certificate.not_after),
                      own ? absl::StrCat(": ", replace)
                          : absl::StrCat(" and is not renewed yet", Because(facts.failure)));
}

}  // namespace

std::string AskForTicket(const EnrolmentFacts& facts) {
  const std::string make =
      absl::StrCat("make a ticket with 'heddlectl token create --node ", facts.node_id, "' and ");
  return facts.join_file.empty()
             ? absl::StrCat(make, "start heddle-node with --join FILE")
             : absl::StrCat(make, "put it into ", facts.join_file, ", which is read again");
}

std::string DescribeProblem(const EnrolmentFacts& facts, absl::Time now) {
  std::vector<std::string> parts;
  if (facts.certificate) {
    parts.push_back(OfCertificate(facts, now));
  } else if (!facts.failure.empty()) {
    parts.push_back(absl::StrCat("this node has not joined yet: ", facts.failure));
  }
  parts.push_back(facts.disk);
  parts.push_back(facts.trust);
  std::string text;
  for (const std::string& part : parts) {
    if (!part.empty()) absl::StrAppend(&text, text.empty() ? "" : "; ", part);
  }
  return text;
}

}  // namespace heddle::node

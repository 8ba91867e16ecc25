#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

std::string TermText(absl::Time until, absl::Time now) {
  if (until > now) return absl::StrCat(TimeText(until), " (", DeadlineText(until, now), ")");
  return absl::StrCat(TimeText(until), " (", AgeText(now - until), " ago)");
}

std::string RevokedText(const v1::CertificateEntry& entry, absl::Time now) {
  if (entry.revoked_unix_ms() == 0) return "";
  return absl::StrCat(AgeText(now - absl::FromUnixMillis(entry.revoked_unix_ms())), " ago");
}

Json EntryJson(const v1::CertificateEntry& entry) {
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  Json json;
  json["principal"] = text_or_null(entry.principal());
  json["serial"] = entry.serial();
  json["notBefore"] = TimeJson(entry.not_before_unix_ms());
  json["notAfter"] = TimeJson(entry.not_after_unix_ms());
  json["issuer"] = text_or_null(entry.issuer());
  json["issuedTo"] = text_or_null(entry.issued_to());
  json["revoked"] = TimeJson(entry.revoked_unix_ms());
  json["newest"] = entry.newest();
  return json;
}

}  // namespace

View CertificateListView(const v1::ListCertificatesResponse& answer, absl::Time now) {
  std::vector<const v1::CertificateEntry*> entries;
  for (const v1::CertificateEntry& entry : answer.certificates()) entries.push_back(&entry);
  // Newest first within a principal, as the controller gives them.
  std::stable_sort(entries.begin(), entries.end(),
                   [](const v1::CertificateEntry* a, const v1::CertificateEntry* b) {
                     return NaturalLess(a->principal(), b->principal());
                   });
  View view;
  view.table.columns = {{"PRINCIPAL"}, {"SERIAL"}, {"FROM", true},  {"UNTIL"},
                        {"REVOKED"},   {"BY"},     {"ISSUER", true}};
  view.json["revision"] = answer.revision();
  view.json["certificates"] = Json::array();
  for (const v1::CertificateEntry* entry : entries) {
    view.table.rows.push_back({entry->principal(), entry->serial(),
                               TimeText(absl::FromUnixMillis(entry->not_before_unix_ms())),
                               TermText(absl::FromUnixMillis(entry->not_after_unix_ms()), now),
                               RevokedText(*entry, now), entry->issued_to(), entry->issuer()});
    view.json["certificates"].push_back(EntryJson(*entry));
    view.names.push_back(entry->serial());
  }
  if (entries.empty()) view.lines.push_back("This cluster has issued no certificate.");
  return view;
}

View RevokedView(const v1::RevokeCertificateResponse& answer, const std::string& whose,
                 bool release) {
  View view;
  view.json["revoked"] = Json::array();
  std::vector<std::string> serials;
  bool is_node = false;
  for (const v1::CertificateEntry& entry : answer.revoked()) {
    view.json["revoked"].push_back(EntryJson(entry));
    serials.push_back(entry.principal().empty()
                          ? absl::StrCat(entry.serial(), " (which this cluster did not issue)")
                          : absl::StrCat(entry.serial(), " of ", entry.principal()));
    is_node = is_node || absl::StartsWith(entry.principal(), "node/");
  }
  view.json["leaseReleased"] = answer.lease_released();
  view.json["revision"] = answer.revision();
  view.lines.push_back(
      serials.empty()
          ? absl::StrCat("No certificate of ", whose, " was valid any more.")
          : absl::StrCat("Revoked ", absl::StrJoin(serials, ", "),
                         ". What it has open with any controller ends within a second."));
  if (answer.lease_released()) {
    view.lines.push_back("Its lease is released; the other nodes drop their routes to it.");
  } else if (release) {
    view.lines.push_back("It had no lease to release.");
  } else if (is_node) {
    view.lines.push_back(
        "Its lease is kept, and the other nodes keep their routes to it until that expires. "
        "\"heddlectl lease release\" ends it.");
  }
  return view;
}

absl::StatusOr<View> IdentityView(const Identity& identity, absl::Time now) {
  const identity::Certificate& leaf = identity.credentials.leaf;
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<identity::Root> roots,
                          identity::ParseRoots(identity.credentials.roots_pem));
  const absl::Time renewed_from = identity::RenewAt(leaf, 0);
  View view;
  view.json["file"] = identity.path;
  view.json["principal"] = identity::ToString(leaf.principal);
  view.json["serial"] = leaf.serial;
  view.json["notBefore"] = TimeText(leaf.not_before);
  view.json["notAfter"] = TimeText(leaf.not_after);
  view.json["issuer"] = leaf.issuer.empty() ? Json(nullptr) : Json(leaf.issuer);
  view.json["renewedFrom"] = identity.is_file ? Json(TimeText(renewed_from)) : Json(nullptr);
  view.json["roots"] = Json::array();
  view.table.columns = {{""}, {""}};
  view.table.rows = {
      {"File:", identity.path},
      {"Principal:", identity::ToString(leaf.principal)},
      {"Serial:", leaf.serial},
      {"From:", TimeText(leaf.not_before)},
      {"Until:", TermText(leaf.not_after, now)},
      {"Issuer:", leaf.issuer},
      {"Renewed from:", identity.is_file ? TimeText(renewed_from) : "never, being of an own PKI"}};
  for (const identity::Root& root : roots) {
    Json json;
    json["keyId"] = root.key_id;
    json["notAfter"] = TimeText(root.not_after);
    view.json["roots"].push_back(std::move(json));
    view.table.rows.push_back({"Believes:", absl::StrCat("authority ", root.key_id, " until ",
                                                         TermText(root.not_after, now))});
  }
  if (const absl::Status valid = identity::CheckValidity(leaf, now); !valid.ok()) {
    view.lines.push_back(absl::StrCat(valid.message(), "."));
  }
  return view;
}

View IssuedView(const std::string& sentence, const std::string& path,
                const identity::Credentials& credentials) {
  const identity::Certificate& leaf = credentials.leaf;
  View view;
  view.json["file"] = path;
  view.json["principal"] = identity::ToString(leaf.principal);
  view.json["serial"] = leaf.serial;
  view.json["notAfter"] = TimeText(leaf.not_after);
  view.lines = {sentence, absl::StrCat("Serial ", leaf.serial, ", valid until ",
                                       TimeText(leaf.not_after), ".")};
  return view;
}

}  // namespace heddle::cli

#include "tests/chaos/linearizability.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/chaos/register.h"

namespace heddle::chaos {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Pairs = std::set<std::pair<std::string, std::string>>;  // subnet and node

// Which nodes were ever seen to have which subnets. What nobody saw need not be explained.
Pairs Seen(const History& history) {
  Pairs seen;
  for (const Operation& operation : history) {
    for (const auto& owner : operation.owners) seen.insert(owner);
    if (!operation.subnet.empty() && operation.outcome == Outcome::kOk) {
      seen.insert({operation.subnet, operation.node});
    }
  }
  return seen;
}

// One subnet or one node, with the values it was seen to have.
class Projection {
 public:
  Projection(bool of_subnet, std::string name) : of_subnet_(of_subnet), name_(std::move(name)) {}

  void AddValue(const std::string& name) { values_.emplace(name, values_.size() + 1); }
  void Add(const Operation& operation, int source);
  // "" or the report; then `around` gets what FindContradiction says.
  std::string Judge(const History& history, std::string* around) const;

 private:
  // What the operation says of this register.
  Value ValueOf(const std::string& name) const {
    if (name.empty()) return kAnything;
    const auto value = values_.find(name);
    return value != values_.end() ? value->second : kNothing;
  }
  Value Read(const Operation& operation) const;
  std::string Around(const History& history, absl::Time zero, absl::Time end) const;

  const bool of_subnet_;
  const std::string name_;
  std::map<std::string, Value> values_;
  RegisterHistory operations_;
};

Value Projection::Read(const Operation& operation) const {
  for (const auto& [subnet, node] : operation.owners) {
    if ((of_subnet_ ? subnet : node) == name_) return ValueOf(of_subnet_ ? node : subnet);
  }
  return kNothing;
}

void Projection::Add(const Operation& operation, int source) {
  RegisterOperation entry;
  entry.source = source;
  entry.invoked = operation.may_be_old ? absl::InfinitePast() : operation.invoked;
  entry.optional = operation.outcome == Outcome::kUnknown;
  entry.completed = entry.optional ? absl::InfiniteFuture() : operation.completed;
  entry.revision = entry.optional ? 0 : operation.revision;
  if (operation.kind == Kind::kList) {
    entry.value = Read(operation);
  } else {
    const bool whatever_it_had = operation.subnet.empty() && !entry.optional;
    entry.kind = operation.kind == Kind::kAcquire ? RegisterOperation::Kind::kSet
                 : whatever_it_had                ? RegisterOperation::Kind::kShed
                                                  : RegisterOperation::Kind::kClear;
    if (of_subnet_ && !operation.subnet.empty() && operation.subnet != name_) return;
    if (!of_subnet_ && operation.node != name_) return;
    entry.value = ValueOf(of_subnet_ ? operation.node : operation.subnet);
    if (entry.value == kNothing) return;  // it was never seen here
  }
  operations_.push_back(entry);
}

std::string Describe(const Operation& operation, const std::string& subject) {
  const std::string answer = operation.subnet.empty() ? "" : " -> " + operation.subnet;
  switch (operation.kind) {
    case Kind::kAcquire:
      return absl::StrCat("acquire ", operation.node, answer);
    case Kind::kRelease:
      return absl::StrCat("release ", operation.node, answer);
    case Kind::kList:
      break;
  }
  for (const auto& [subnet, node] : operation.owners) {
    if (subnet == subject || node == subject) return absl::StrCat("list: ", node, " has ", subnet);
  }
  return absl::StrCat("list: ", subject, " is not in it");
}

std::string Line(const Operation& operation, const std::string& subject, absl::Time zero) {
  const auto seconds = [zero](absl::Time time) {
    return absl::StrFormat("%8.3f", absl::ToDoubleSeconds(time - zero));
  };
  return absl::StrCat("\n  ", seconds(operation.invoked), " ..", seconds(operation.completed), "  ",
                      operation.revision > 0 ? absl::StrCat("@", operation.revision, " ") : "",
                      operation.client, ": ", Describe(operation, subject),
                      operation.may_be_old ? " (of a copy that may be old)" : "");
}

std::string Projection::Judge(const History& history, std::string* around) const {
  const Value values = static_cast<Value>(values_.size());
  if (Linearizable(operations_, {kNothing})) return "";
  std::string report = absl::StrCat("no order of these explains their answers about ",
                                    of_subnet_ ? "the subnet " : "the node ", name_, ":");
  absl::Time zero = absl::InfiniteFuture();
  for (const Operation& operation : history) zero = std::min(zero, operation.invoked);
  RegisterHistory few = Contradiction(operations_, values);
  std::sort(few.begin(), few.end(), [&history](const auto& a, const auto& b) {
    return history[a.source].invoked < history[b.source].invoked;
  });
  int optional = 0;
  absl::Time end = absl::InfinitePast();
  for (const auto& entry : few) {
    optional += entry.optional ? 1 : 0;
    if (!entry.optional) end = std::max(end, history[entry.source].completed);
    if (!entry.optional) report += Line(history[entry.source], name_, zero);
  }
  if (optional > 0) {
    absl::StrAppend(&report, "\n  and ", optional,
                    " without an answer by then, which do not explain it either, if they were done "
                    "or not");
  }
  if (around != nullptr) *around = Around(history, zero, end);
  return report;
}

std::string Projection::Around(const History& history, absl::Time zero, absl::Time end) const {
  History calls;
  for (const Operation& operation : history) {
    const bool of_these = of_subnet_ ? values_.count(operation.node) != 0 : operation.node == name_;
    if (of_these && operation.invoked <= end) calls.push_back(operation);
  }
  std::sort(calls.begin(), calls.end(),
            [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
  std::string text;
  for (const Operation& call : calls) {
    absl::StrAppend(&text, Line(call, name_, zero),
                    call.outcome == Outcome::kOk       ? ""
                    : call.outcome == Outcome::kFailed ? " REFUSED"
                                                       : " UNKNOWN",
                    call.error.empty() ? "" : ": " + call.error);
  }
  return text;
}

// A list in which a node stands twice needs no other to be wrong.
std::string NodeWithTwoSubnets(const History& history) {
  for (const Operation& operation : history) {
    std::map<std::string, std::string> subnet_of;
    for (const auto& [subnet, node] : operation.owners) {
      const auto [other, is_new] = subnet_of.emplace(node, subnet);
      if (!is_new) {
        return absl::StrCat(operation.client, " lists the node ", node,
                            " with two subnets: ", other->second, " and ", subnet);
      }
    }
  }
  return "";
}

}  // namespace

std::string FindContradiction(const History& history, std::string* around) {
  std::string report = NodeWithTwoSubnets(history);
  std::map<std::string, Projection> subnets, nodes;
  for (const auto& [subnet, node] : Seen(history)) {
    subnets.try_emplace(subnet, true, subnet).first->second.AddValue(node);
    nodes.try_emplace(node, false, node).first->second.AddValue(subnet);
  }
  for (auto* projections : {&subnets, &nodes}) {
    for (auto& [name, projection] : *projections) {
      if (!report.empty()) return report;
      for (std::size_t i = 0; i < history.size(); ++i) {
        if (history[i].outcome == Outcome::kFailed) continue;
        projection.Add(history[i], static_cast<int>(i));
      }
      report = projection.Judge(history, around);
    }
  }
  return report;
}

}  // namespace heddle::chaos

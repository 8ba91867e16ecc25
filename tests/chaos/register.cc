// The search of Wing and Gong, with the memory of Lowe: an order is built from its beginning, and
// what led nowhere is not tried again.
//
// An optional operation is put in only right before one that needs it. That is enough: an order in
// which more of them take effect stays one without the others.
#include "tests/chaos/register.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace heddle::chaos {
namespace {

using Kind = RegisterOperation::Kind;

// Optional operations that say the same, the earliest first: there is never a reason to use a later
// one before it.
struct Optional {
  Kind kind;
  Value value;
  std::vector<absl::Time> invoked;
};

class Search {
 public:
  explicit Search(const RegisterHistory& history) {
    std::map<std::pair<Kind, Value>, std::vector<absl::Time>> optional;
    for (const RegisterOperation& operation : history) {
      if (operation.optional) {
        optional[{operation.kind, operation.value}].push_back(operation.invoked);
      } else {
        operations_.push_back(operation);
      }
    }
    for (auto& [key, invoked] : optional) {
      std::sort(invoked.begin(), invoked.end());
      optional_.push_back({key.first, key.second, std::move(invoked)});
    }
    used_.resize(optional_.size());
    TightenByRevision(&operations_);
    std::stable_sort(operations_.begin(), operations_.end(),
                     [](const auto& a, const auto& b) { return a.invoked < b.invoked; });
    done_.resize(operations_.size());
    OrderByRevision();
  }

  bool From(Value value) {
    const std::size_t before = taken_.size();
    while (TakeReads(value)) {
    }
    if (taken_.size() == operations_.size() || (!WasDeadEnd(value) && TryChoices(value))) {
      return true;
    }
    UndoTo(before);
    return false;
  }

 private:
  // An operation to take next, and the optional ones to use before it.
  struct Choice {
    std::size_t operation;
    std::vector<std::size_t> use;  // indices of optional_
  };

  void OrderByRevision() {
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      if (operations_[i].revision > 0) by_revision_.push_back(i);
    }
    std::stable_sort(by_revision_.begin(), by_revision_.end(), [this](auto a, auto b) {
      return operations_[a].revision < operations_[b].revision;
    });
    place_by_revision_.resize(operations_.size(), by_revision_.size());
    for (std::size_t i = 0; i < by_revision_.size(); ++i) place_by_revision_[by_revision_[i]] = i;
  }

  bool TryChoices(Value value) {
    for (const Choice& choice : Choices(value)) {
      const Value next = After(operations_[choice.operation], value);
      for (std::size_t i : choice.use) ++used_[i];
      Take(choice.operation);
      if (From(next)) return true;
      UndoTo(taken_.size() - 1);
      for (std::size_t i : choice.use) --used_[i];
    }
    return false;
  }

  static Value After(const RegisterOperation& operation, Value before) {
    if (operation.kind == Kind::kClear) return kNothing;
    if (operation.kind != Kind::kShed) return operation.value;
    return operation.value == kAnything || operation.value == before ? kNothing : before;
  }

  void Take(std::size_t i) {
    done_[i] = true;
    taken_.push_back(i);
  }
  void UndoTo(std::size_t count) {
    for (; taken_.size() > count; taken_.pop_back()) {
      done_[taken_.back()] = false;
      first_ = std::min(first_, taken_.back());
      first_by_revision_ = std::min(first_by_revision_, place_by_revision_[taken_.back()]);
    }
  }
  void SkipDone() {
    while (first_ < done_.size() && done_[first_]) ++first_;
    const std::size_t count = by_revision_.size();
    while (first_by_revision_ < count && done_[by_revision_[first_by_revision_]]) {
      ++first_by_revision_;
    }
  }

  // Those that may be next: nothing else is over before they begin, or of a smaller revision.
  std::vector<std::size_t> Candidates() {
    SkipDone();
    std::vector<std::size_t> begun, candidates;
    first_end_ = absl::InfiniteFuture();
    for (std::size_t i = first_; i < operations_.size() && operations_[i].invoked <= first_end_;
         ++i) {
      if (done_[i]) continue;
      first_end_ = std::min(first_end_, operations_[i].completed);
      begun.push_back(i);
    }
    const std::uint64_t revision = first_by_revision_ < by_revision_.size()
                                       ? operations_[by_revision_[first_by_revision_]].revision
                                       : 0;
    for (std::size_t i : begun) {
      const RegisterOperation& operation = operations_[i];
      const bool in_turn = operation.revision == 0 || operation.revision == revision;
      if (in_turn && operation.invoked <= first_end_) candidates.push_back(i);
    }
    return candidates;
  }

  // Whether an operation of the same revision as `i` (itself left out) is such.
  template <typename Predicate>
  bool AnyOfSameRevision(std::size_t i, const Predicate& is_such) const {
    const std::uint64_t revision = operations_[i].revision;
    if (revision == 0) return false;
    const std::size_t place = place_by_revision_[i];
    const auto same = [&](std::size_t j) {
      return operations_[by_revision_[j]].revision == revision;
    };
    for (std::size_t j = place; j-- > 0 && same(j);) {
      if (is_such(by_revision_[j])) return true;
    }
    for (std::size_t j = place + 1; j < by_revision_.size() && same(j); ++j) {
      if (is_such(by_revision_[j])) return true;
    }
    return false;
  }

  // A read that fits changes nothing, so that taking it now never hinders, unless something of its
  // revision could still change what it is to show.
  bool TakeReads(Value value) {
    const std::size_t before = taken_.size();
    for (std::size_t i : Candidates()) {
      const RegisterOperation& read = operations_[i];
      if (read.kind != Kind::kRead || read.value != value) continue;
      const bool too_early = AnyOfSameRevision(
          i, [this](std::size_t j) { return operations_[j].kind != Kind::kRead && !done_[j]; });
      if (!too_early) Take(i);
    }
    return taken_.size() > before;
  }

  // Those that need no optional one first.
  std::vector<Choice> Choices(Value value) {
    std::vector<Choice> choices;
    for (std::size_t i : Candidates()) AddChoices(i, value, &choices);
    std::stable_sort(choices.begin(), choices.end(), [this](const Choice& a, const Choice& b) {
      if (a.use.size() != b.use.size()) return a.use.size() < b.use.size();
      return operations_[a.operation].completed < operations_[b.operation].completed;
    });
    return choices;
  }

  void AddChoices(std::size_t i, Value value, std::vector<Choice>* choices) const {
    const RegisterOperation& operation = operations_[i];
    const bool shown = AnyOfSameRevision(
        i, [this](std::size_t j) { return operations_[j].kind == Kind::kRead && done_[j]; });
    // What the register must hold. A set is content with two things; when what it leaves has been
    // shown already, with one.
    Value needed = operation.value;
    if (operation.kind == Kind::kSet && value != operation.value && !shown) needed = kNothing;
    if (operation.kind == Kind::kShed) needed = value;
    const bool changes = operation.kind == Kind::kClear || After(operation, value) != value;
    if (operation.kind != Kind::kSet && changes && shown) return;
    std::vector<Choice> ways = {{i, {}}};
    if (value != needed && value != kNothing) ways = Extended(ways, Kind::kClear, value);
    if (value != needed && needed != kNothing) ways = Extended(ways, Kind::kSet, needed);
    choices->insert(choices->end(), ways.begin(), ways.end());
  }

  // Each way with each optional operation that has begun and does it.
  std::vector<Choice> Extended(const std::vector<Choice>& ways, Kind kind, Value value) const {
    std::vector<Choice> extended;
    for (std::size_t k = 0; k < optional_.size(); ++k) {
      const Optional& optional = optional_[k];
      const bool does =
          optional.kind == kind && (optional.value == value || optional.value == kAnything);
      if (!does || used_[k] == static_cast<int>(optional.invoked.size()) ||
          optional.invoked[static_cast<std::size_t>(used_[k])] > first_end_) {
        continue;
      }
      for (Choice way : ways) {
        way.use.push_back(k);
        extended.push_back(std::move(way));
      }
    }
    return extended;
  }

  // Whether the same operations with the same value, and no fewer optional ones left, led nowhere.
  // If not, it is from now on taken for such: it is asked about only once before that shows.
  bool WasDeadEnd(Value value) {
    SkipDone();
    std::size_t end = done_.size();
    while (end > first_ && !done_[end - 1]) --end;
    std::string key = std::to_string(first_) + ":" + std::to_string(value) + ":";
    for (std::size_t i = first_; i < end; ++i) key.push_back(done_[i] ? '1' : '0');
    std::vector<std::vector<int>>& used_before = dead_ends_[key];
    for (const std::vector<int>& before : used_before) {
      if (std::equal(before.begin(), before.end(), used_.begin(), std::less_equal<>())) return true;
    }
    used_before.push_back(used_);
    return false;
  }

  RegisterHistory operations_;  // that are not optional, by `invoked`
  std::vector<Optional> optional_;
  std::vector<int> used_;  // of each of these, how many
  std::vector<bool> done_;
  std::vector<std::size_t> taken_;  // the order so far
  std::size_t first_ = 0;           // none before it is left
  // Those with revisions, in their order; where each stands in it; and none before is left.
  std::vector<std::size_t> by_revision_, place_by_revision_;
  std::size_t first_by_revision_ = 0;
  absl::Time first_end_;  // of those that are left, as of the last Candidates()
  absl::flat_hash_map<std::string, std::vector<std::vector<int>>> dead_ends_;
};

}  // namespace

void TightenByRevision(RegisterHistory* history) {
  std::vector<RegisterOperation*> ordered;
  for (RegisterOperation& operation : *history) {
    if (operation.revision > 0) ordered.push_back(&operation);
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto* a, const auto* b) { return a->revision < b->revision; });
  absl::Time earliest = absl::InfinitePast(), of_revision = absl::InfinitePast();
  std::uint64_t revision = 0;
  for (RegisterOperation* operation : ordered) {
    if (operation->revision != revision) earliest = std::max(earliest, of_revision);
    revision = operation->revision;
    operation->invoked = std::max(operation->invoked, earliest);
    of_revision = std::max(of_revision, operation->invoked);
  }
}

bool Linearizable(const RegisterHistory& history, const std::vector<Value>& initial) {
  Search search(history);
  return std::any_of(initial.begin(), initial.end(),
                     [&search](Value value) { return search.From(value); });
}

}  // namespace heddle::chaos

#include "storage/etcd/watch.h"

#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

using etcdserverpb::WatchResponse;

void AddEvent(WatchResponse* to, Revision revision, const std::string& key) {
  auto* event = to->add_events();
  event->mutable_kv()->set_key(key);
  event->mutable_kv()->set_mod_revision(static_cast<std::int64_t>(revision));
}

WatchResponse Events(const std::vector<std::pair<Revision, std::string>>& events) {
  WatchResponse response;
  for (const auto& [revision, key] : events) AddEvent(&response, revision, key);
  return response;
}

// "5:ab 6:c", for what a step has.
std::string Seen(const WatchAssembler::Step& step) {
  std::string text;
  for (const WatchedRevision& revision : step.revisions) {
    if (!text.empty()) text += ' ';
    text += std::to_string(revision.revision) + ":";
    for (const auto& event : revision.events) text += event.kv().key();
  }
  return text;
}

TEST(WatchAssembler, EventsAreGroupedByRevision) {
  WatchAssembler assembler;
  EXPECT_EQ(Seen(assembler.Take(Events({{5, "a"}, {5, "b"}, {6, "c"}, {9, "a"}}), 4)),
            "5:ab 6:c 9:a");
}

TEST(WatchAssembler, WhatWasSeenIsDropped) {
  WatchAssembler assembler;
  EXPECT_EQ(Seen(assembler.Take(Events({{5, "a"}, {6, "b"}, {7, "c"}}), 6)), "7:c");
  EXPECT_EQ(Seen(assembler.Take(Events({{5, "a"}, {6, "b"}}), 6)), "");
}

TEST(WatchAssembler, FragmentsAreJoinedBeforeAnythingIsSaid) {
  WatchAssembler assembler;
  WatchResponse first = Events({{5, "a"}, {6, "b"}});
  first.set_fragment(true);
  EXPECT_EQ(Seen(assembler.Take(first, 4)), "");
  WatchResponse second = Events({{6, "c"}});
  second.set_fragment(true);
  EXPECT_EQ(Seen(assembler.Take(second, 4)), "");
  EXPECT_EQ(Seen(assembler.Take(Events({{6, "d"}, {7, "e"}}), 4)), "5:a 6:bcd 7:e");
  EXPECT_EQ(Seen(assembler.Take(Events({{8, "f"}}), 7)), "8:f");
}

TEST(WatchAssembler, RepeatedEventsAndThoseThatGoBackAreDropped) {
  WatchAssembler assembler;
  EXPECT_EQ(Seen(assembler.Take(Events({{5, "a"}, {5, "a"}, {5, "b"}, {5, "a"}}), 4)), "5:ab");
  EXPECT_EQ(Seen(assembler.Take(Events({{7, "a"}, {6, "b"}, {7, "c"}, {8, "d"}}), 5)), "7:ac 8:d");
  EXPECT_EQ(Seen(assembler.Take(Events({{-1, "a"}}), 0)), "");
}

TEST(WatchAssembler, ItSaysWhenItIsOpenAndWhenItIsOver) {
  WatchAssembler assembler;
  WatchResponse created;
  created.set_created(true);
  EXPECT_TRUE(assembler.Take(created, 0).is_open);
  EXPECT_FALSE(assembler.Take(Events({}), 0).is_open);

  WatchResponse compacted;
  compacted.set_canceled(true);
  compacted.set_compact_revision(12);
  const auto over = assembler.Take(compacted, 0);
  EXPECT_TRUE(over.is_over);
  EXPECT_EQ(over.compacted, 12u);

  WatchResponse refused;
  refused.set_created(true);
  refused.set_canceled(true);
  refused.set_cancel_reason("permission denied");
  const auto denied = assembler.Take(refused, 0);
  EXPECT_FALSE(denied.is_open);
  EXPECT_TRUE(denied.is_over);
  EXPECT_FALSE(denied.compacted);
  EXPECT_EQ(denied.why, "permission denied");
}

}  // namespace
}  // namespace heddle::storage

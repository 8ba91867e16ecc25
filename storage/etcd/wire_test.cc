// The part of etcd's API that etcd.proto has, against bytes that etcd and its own client wrote: a
// wrong number or type of a field shows here, with no etcd at hand.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <memory>
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "storage/etcd/etcd.pb.h"

namespace heddle::storage {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

struct Recorded {
  std::string command;  // the last that was named before it
  std::string type, bytes, text;
};

std::vector<Recorded> ReadRecorded() {
  const auto content = ReadFile("storage/etcd/testdata/exchanges.txt");
  EXPECT_TRUE(content.ok()) << content.status();
  std::vector<Recorded> all;
  Recorded message;
  bool is_text = false;
  for (const absl::string_view line : absl::StrSplit(content.value_or(""), '\n')) {
    if (line.empty()) {
      if (!message.type.empty()) all.push_back(message);
      message.type.clear();
    } else if (absl::StartsWith(line, "#")) {
      message.command = std::string(line);
    } else if (message.type.empty()) {
      message = {message.command, "etcdserverpb." + std::string(line), "", ""};
      is_text = false;
    } else if (line == "=") {
      is_text = true;
    } else if (is_text) {
      message.text.append(line.data(), line.size()).push_back('\n');
    } else {
      message.bytes += absl::HexStringToBytes(line);
    }
  }
  return all;
}

std::unique_ptr<Message> New(const std::string& type) {
  const auto* descriptor = DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<Message>(
      MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

TEST(EtcdWire, WhatEtcdWroteIsReadAndWrittenTheSame) {
  etcdserverpb::PutRequest::descriptor();  // has the messages linked in
  for (const Recorded& recorded : ReadRecorded()) {
    SCOPED_TRACE(recorded.command + ": " + recorded.type);
    const auto decoded = New(recorded.type), expected = New(recorded.type);
    ASSERT_NE(decoded, nullptr);
    ASSERT_TRUE(decoded->ParseFromString(recorded.bytes));
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(recorded.text, expected.get()));
    // A field that etcd.proto lacks would be unknown, and so a difference.
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*decoded, *expected))
        << decoded->DebugString();
    EXPECT_EQ(absl::BytesToHexString(expected->SerializeAsString()),
              absl::BytesToHexString(recorded.bytes));
  }
}

TEST(EtcdWire, EveryRequestAndResponseIsAmongTheRecorded) {
  std::set<std::string> recorded;
  for (const Recorded& message : ReadRecorded()) recorded.insert(message.type);
  const auto* file = etcdserverpb::PutRequest::descriptor()->file();
  ASSERT_GT(file->service_count(), 0);
  for (int i = 0; i < file->service_count(); ++i) {
    for (int j = 0; j < file->service(i)->method_count(); ++j) {
      const auto* method = file->service(i)->method(j);
      EXPECT_TRUE(recorded.count(method->input_type()->full_name())) << method->full_name();
      EXPECT_TRUE(recorded.count(method->output_type()->full_name())) << method->full_name();
    }
  }
}

}  // namespace
}  // namespace heddle::storage

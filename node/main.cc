// heddle-node: the executor on each host. See flags.cc for its command line.
#include <malloc.h>

#include "node/commands.h"
#include "node/connection.h"
#include "node/flags.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

int main(int argc, char** argv) {
  using namespace heddle::node;
  // The process idles in many small threads of gRPC's: one heap for all, given back early, is worth
  // more than what they gain by not sharing it.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("heddle-node"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");

  const ParsedFlags parsed = ParseFlags(argc, argv);
  if (!parsed.run) return parsed.exit_code;
  spdlog::set_level(spdlog::level::from_str(parsed.flags.log_level));
  QuietGrpcLog();
  switch (parsed.flags.command) {
    case Command::kCleanup:
      return RunCleanup(parsed.flags);
    case Command::kShow:
      return RunShow(parsed.flags);
    case Command::kRun:
      break;
  }
  return RunNode(parsed.flags);
}

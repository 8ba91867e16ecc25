// Early return for absl::Status and absl::StatusOr; the packaged abseil (20220623) has none.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define HEDDLE_CONCAT_INNER(a, b) a##b
#define HEDDLE_CONCAT(a, b) HEDDLE_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expression` is not OK.
#define HEDDLE_RETURN_IF_ERROR(expression)         \
  do {                                             \
    ::absl::Status heddle_status = (expression);   \
    if (!heddle_status.ok()) return heddle_status; \
  } while (false)

// HEDDLE_ASSIGN_OR_RETURN(auto value, Compute());
#define HEDDLE_ASSIGN_OR_RETURN(lhs, expression)                        \
  auto HEDDLE_CONCAT(heddle_result_, __LINE__) = (expression);          \
  if (!HEDDLE_CONCAT(heddle_result_, __LINE__).ok())                    \
    return std::move(HEDDLE_CONCAT(heddle_result_, __LINE__)).status(); \
  lhs = *std::move(HEDDLE_CONCAT(heddle_result_, __LINE__))

// Comparison with a kept text under cli/testdata.
#pragma once

#include <string>

namespace heddle::cli {

// Expects `actual` to equal testdata/<name>. With HEDDLE_UPDATE_GOLDEN=<folder> in the environment
// the text is written there instead, and the test fails so that no run of that kind counts.
void ExpectGolden(const std::string& name, const std::string& actual);

}  // namespace heddle::cli

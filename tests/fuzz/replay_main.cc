// Runs a fuzz target on each file named, so that a corpus is an ordinary test with any compiler.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "no corpus files were given: nothing would be tested\n");
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    // A copy of exactly that size, so that AddressSanitizer sees a read past the end.
    const std::basic_string<std::uint8_t> exact(content.begin(), content.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
  }
  std::printf("%d inputs replayed\n", argc - 1);
  return 0;
}

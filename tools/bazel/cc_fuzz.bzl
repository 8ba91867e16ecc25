"""cc_fuzz_target: one fuzz target, as a libFuzzer binary and as an ordinary test."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def cc_fuzz_target(name, srcs, corpus, deps = []):
    """Defines NAME (with --config=fuzz) and NAME_corpus_test (with any config).

    Args:
      name: the libFuzzer binary; needs clang, so it is built only by name.
      srcs: source with LLVMFuzzerTestOneInput.
      corpus: files that the test replays.
      deps: libraries under test.
    """
    cc_library(
        name = name + "_lib",
        srcs = srcs,
        deps = deps,
        alwayslink = True,
        testonly = True,
    )
    cc_binary(
        name = name,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        testonly = True,
        deps = [name + "_lib"],
    )
    cc_test(
        name = name + "_corpus_test",
        size = "small",
        args = ["$(locations %s)" % f for f in corpus],
        data = corpus,
        deps = [
            name + "_lib",
            "//tests/fuzz:replay_main",
        ],
    )

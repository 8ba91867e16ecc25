"""Stand-in for @rules_cc on Debian's Bazel 4.2.3: forwards to the built-in rules.

@bazel_tools//tools/cpp loads three names from here; the rest is what our own
BUILD files, or a copied example, may load.
"""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite

"""Stand-in for @rules_java on Debian's Bazel 4.2.3 (nothing here builds Java).

Bazel loads this when it registers its Java toolchains, even in a C++ build.
"""

java_import = native.java_import
java_library = native.java_library
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain

"""The C++ packages this project uses, taken from the system through pkg-config.

Each repository carries the labels that the package's own Bazel build has (where
it has one), so BUILD files do not change if a repository is later fetched as
source instead.
"""

# Found without a flag; naming them again would change the search order.
_DEFAULT_INCLUDES = ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu"]

def _pkg_config(rctx, modules):
    # One call for each target: resolving Abseil's graph takes a second.
    result = rctx.execute(["pkg-config", "--cflags", "--libs"] + modules)
    if result.return_code != 0:
        fail("@%s: pkg-config knows no '%s'; is the -dev package installed?\n%s" %
             (rctx.name, " ".join(modules), result.stderr))
    return [w for w in result.stdout.replace("\n", " ").split(" ") if w]

def _library(rctx, package, name, modules, linked):
    defines = []
    includes = []
    linkopts = []
    for flag in _pkg_config(rctx, modules):
        if flag.startswith("-D"):
            defines.append(flag[2:])
        elif flag.startswith("-I"):
            src = flag[2:].rstrip("/")
            if src in _DEFAULT_INCLUDES:
                continue
            link = "include/" + src.strip("/").replace("/", "_")
            if link not in includes:
                includes.append(link)
            path = package + link
            if path not in linked:
                linked[path] = True
                rctx.symlink(src, path)
        elif flag.startswith("-Wl,--push-state") or flag.startswith("-Wl,--pop-state"):
            pass  # the whole list gets one such pair
        else:
            linkopts.append(flag)

    # Keep the last mention of each: what a library needs comes after it.
    unique = []
    for flag in reversed(linkopts):
        if flag not in unique:
            unique.append(flag)
    if unique:
        unique = ["-Wl,--pop-state"] + unique + ["-Wl,--push-state,--as-needed"]
    return """
cc_library(
    name = {name},
    hdrs = glob({headers}, allow_empty = True),
    defines = {defines},
    includes = {includes},
    linkopts = {linkopts},
)
""".format(
        name = repr(name),
        headers = repr([i + "/**" for i in includes]),
        defines = repr(defines),
        includes = repr(includes),
        linkopts = repr(reversed(unique)),
    )

def _system_repository_impl(rctx):
    packages = {}
    linked = {}
    for label, modules in rctx.attr.libraries.items():
        package, _, name = label.partition(":")
        package = package + "/" if package else ""
        packages.setdefault(package, []).append(
            _library(rctx, package, name, modules.split(" "), linked),
        )
    for label, program in rctx.attr.programs.items():
        package, _, name = label.partition(":")
        package = package + "/" if package else ""
        path = rctx.which(program)
        if not path:
            fail("@%s: no program '%s' on PATH; is its package installed?" % (rctx.name, program))
        rctx.symlink(path, package + name)
        packages.setdefault(package, []).append("\nexports_files([%r])\n" % name)
    header = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])
"""
    for package, rules in packages.items():
        rctx.file(package + "BUILD.bazel", header + "".join(rules), executable = False)

system_repository = repository_rule(
    implementation = _system_repository_impl,
    doc = "Libraries and programs of the host as Bazel targets; refreshed by `bazel sync --configure`.",
    attrs = {
        "libraries": attr.string_dict(doc = "'package:name' -> pkg-config modules, space-separated"),
        "programs": attr.string_dict(doc = "'package:name' -> program looked up on PATH"),
    },
    configure = True,
    environ = ["PATH", "PKG_CONFIG_PATH"],
)

def offline_shims():
    """Stand-ins for three repositories that Bazel fetches by itself.

    Debian's Bazel 4.2.3 (which reports no version) is the one that needs them; a
    released Bazel uses the real ones.
    """
    if native.bazel_version:
        return
    for name in ["remote_coverage_tools", "rules_cc", "rules_java"]:
        native.local_repository(
            name = name,
            path = "third_party/shims/" + name,
        )

# Label of Abseil's own build -> pkg-config module.
_ABSL = {
    "absl/base:core_headers": "absl_core_headers",
    "absl/cleanup:cleanup": "absl_cleanup",
    "absl/container:btree": "absl_btree",
    "absl/container:flat_hash_map": "absl_flat_hash_map",
    "absl/container:flat_hash_set": "absl_flat_hash_set",
    "absl/container:inlined_vector": "absl_inlined_vector",
    "absl/hash:hash": "absl_hash",
    "absl/numeric:int128": "absl_int128",
    "absl/random:random": "absl_random_random",
    "absl/status:status": "absl_status",
    "absl/status:statusor": "absl_statusor",
    "absl/strings:str_format": "absl_str_format",
    "absl/strings:strings": "absl_strings",
    "absl/time:time": "absl_time",
    "absl/types:span": "absl_span",
}

def system_deps():
    """Every external repository of the project."""
    system_repository(name = "com_google_absl", libraries = _ABSL)
    system_repository(
        name = "com_google_protobuf",
        libraries = {":protobuf": "protobuf"},
        programs = {":protoc": "protoc"},
    )
    system_repository(
        name = "com_github_grpc_grpc",
        libraries = {":grpc++": "grpc++"},
        programs = {"src/compiler:grpc_cpp_plugin": "grpc_cpp_plugin"},
    )
    system_repository(
        name = "com_google_googletest",
        libraries = {
            ":gtest": "gmock gtest",
            ":gtest_main": "gtest_main gmock gtest",
        },
    )
    system_repository(
        name = "com_github_google_benchmark",
        libraries = {":benchmark": "benchmark"},
    )
    system_repository(name = "rocksdb", libraries = {":rocksdb": "rocksdb"})
    system_repository(name = "spdlog", libraries = {":spdlog": "spdlog"})
    system_repository(name = "libnl", libraries = {":nl": "libnl-3.0"})
    system_repository(
        name = "openssl",
        libraries = {
            ":crypto": "libcrypto",
            ":ssl": "libssl libcrypto",
        },
    )
    system_repository(name = "libsystemd", libraries = {":systemd": "libsystemd"})
    system_repository(name = "re2", libraries = {":re2": "re2"})
    system_repository(name = "xxhash", libraries = {":xxhash": "libxxhash"})
    system_repository(name = "cli11", libraries = {":cli11": "CLI11"})
    system_repository(name = "nlohmann_json", libraries = {":json": "nlohmann_json"})

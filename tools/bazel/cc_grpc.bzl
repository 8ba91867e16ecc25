"""cc_grpc_library: .proto files to a C++ library, through protoc and grpc_cpp_plugin."""

load("@rules_cc//cc:defs.bzl", "cc_library")

ProtoSourcesInfo = provider(
    doc = "The .proto files of a library and of what it imports.",
    fields = {"protos": "depset of File"},
)

def _gen_impl(ctx):
    protos = ctx.files.srcs
    all_protos = depset(protos, transitive = [d[ProtoSourcesInfo].protos for d in ctx.attr.deps])
    suffixes = ["pb"] + (["grpc.pb"] if ctx.attr.grpc else [])
    hdrs = []
    srcs = []
    for proto in protos:
        stem = proto.basename[:-len(".proto")]
        for suffix in suffixes:
            hdrs.append(ctx.actions.declare_file("%s.%s.h" % (stem, suffix)))
            srcs.append(ctx.actions.declare_file("%s.%s.cc" % (stem, suffix)))

    args = ctx.actions.args()
    args.add("--proto_path=.")
    args.add("--cpp_out=" + ctx.bin_dir.path)
    tools = []
    if ctx.attr.grpc:
        args.add(ctx.executable._plugin, format = "--plugin=protoc-gen-grpc=%s")
        args.add("--grpc_out=" + ctx.bin_dir.path)
        tools.append(ctx.executable._plugin)
    args.add_all(protos)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = all_protos,
        outputs = hdrs + srcs,
        tools = tools,
        mnemonic = "ProtoCpp",
        progress_message = "Generating C++ from %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset(hdrs + srcs)),
        OutputGroupInfo(hdrs = depset(hdrs), srcs = depset(srcs)),
        ProtoSourcesInfo(protos = all_protos),
    ]

_gen = rule(
    implementation = _gen_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"], mandatory = True),
        "deps": attr.label_list(providers = [ProtoSourcesInfo]),
        "grpc": attr.bool(default = True),
        "_protoc": attr.label(
            default = "@com_google_protobuf//:protoc",
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
        "_plugin": attr.label(
            default = "@com_github_grpc_grpc//src/compiler:grpc_cpp_plugin",
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
    },
)

def cc_grpc_library(name, srcs, deps = [], grpc = True, **kwargs):
    """A cc_library of the messages (and, with grpc, the stubs) of srcs.

    Args:
      name: the library; include its headers as "<package>/<file>.pb.h".
      srcs: .proto files of this package.
      deps: other cc_grpc_library targets whose .proto files srcs import.
      grpc: also generate the service classes.
      **kwargs: passed to cc_library.
    """
    _gen(
        name = name + "_gen",
        srcs = srcs,
        deps = [d + "_gen" for d in deps],
        grpc = grpc,
    )
    for group in ["hdrs", "srcs"]:
        native.filegroup(
            name = name + "_" + group,
            srcs = [name + "_gen"],
            output_group = group,
        )
    cc_library(
        name = name,
        srcs = [name + "_srcs"],
        hdrs = [name + "_hdrs"],
        copts = ["-w"],
        deps = deps + ["@com_google_protobuf//:protobuf"] +
               (["@com_github_grpc_grpc//:grpc++"] if grpc else []),
        **kwargs
    )

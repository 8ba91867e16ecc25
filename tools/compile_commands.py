#!/usr/bin/env python3
"""Writes compile_commands.json for clangd and clang-tidy, from `bazel aquery`."""
import json
import os
import subprocess
import sys


def bazel(*args):
    return subprocess.run(["bazel", *args], check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    os.chdir(bazel("info", "workspace").strip())
    targets = " + ".join(sys.argv[1:] or ["//..."])
    graph = json.loads(bazel("aquery", 'mnemonic("CppCompile", %s)' % targets,
                             "--output=jsonproto", "--include_artifacts=false"))
    here = os.getcwd()
    execroot = "bazel-" + os.path.basename(here)
    commands = {}
    for action in graph["actions"]:
        args = action["arguments"]
        source = args[args.index("-c") + 1]
        if source.startswith("external/"):
            continue
        args = [execroot + "/" + a if a.startswith("external/") else a for a in args
                if a != "-fno-canonical-system-headers"]  # GCC only; clang rejects it
        commands[source] = {"directory": here, "file": source, "arguments": args}
    with open("compile_commands.json", "w") as out:
        json.dump([commands[k] for k in sorted(commands)], out, indent=1)
    print("%d commands" % len(commands))


main()

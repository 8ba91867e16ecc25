#!/usr/bin/env python3
"""Rules that every file of the repository keeps; one test case per rule.

  lint.py            checks the tree this file, or the WORKSPACE beside it, belongs to
  lint.py --format   also checks that clang-format would change nothing
"""
import os
import re
import subprocess
import sys
import time
import xml.sax.saxutils as xml

MAX_LINES = 400
MAX_COLUMNS = 100
CODE = (".cc", ".h")
TEXT = CODE + (".bazel", ".bzl", ".md", ".proto", ".py", ".service", ".sh", ".yaml", ".yml")
# Spelled so that this file does not break its own rules.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(wo" r"rk|ho" r"me/\w+|root/\.cache)/")


def tree_root():
    """The source tree: where WORKSPACE really is."""
    here = "WORKSPACE" if os.path.exists("WORKSPACE") else os.path.join(
        os.path.dirname(os.path.realpath(__file__)), "..", "..", "WORKSPACE")
    return os.path.dirname(os.path.realpath(here))


def is_text(path):
    if path.endswith(TEXT):
        return True
    if "." in os.path.basename(path).lstrip("."):
        return False
    with open(path, "rb") as file:  # a script without a suffix
        return file.read(2) == b"#!"


def source_files(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names
                          if not n.startswith("bazel-") and n not in (".git", "__pycache__"))
        for name in sorted(files):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and is_text(path):
                yield os.path.relpath(path, root)


def long_files(path, lines):
    if path.endswith(CODE + (".py",)) and len(lines) > MAX_LINES:
        yield "%s: %d lines; split it, %d is the most" % (path, len(lines), MAX_LINES)


def long_lines(path, lines):
    if path.endswith(CODE):
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMNS:
                yield "%s:%d: %d columns" % (path, number, len(line))


def unfinished_work(path, lines):
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield "%s:%d: %s" % (path, number, line.strip())


def machine_paths(path, lines):
    for number, line in enumerate(lines, 1):
        if MACHINE_PATH.search(line):
            yield "%s:%d: a path of one machine: %s" % (path, number, line.strip())


def missing_pragma_once(path, lines):
    if path.endswith(".h") and "#pragma once" not in lines:
        yield "%s: no #pragma once" % path


def trailing_space(path, lines):
    if not path.endswith(".md"):
        for number, line in enumerate(lines, 1):
            if line != line.rstrip():
                yield "%s:%d: trailing white space" % (path, number)


RULES = [long_files, long_lines, unfinished_work, machine_paths, missing_pragma_once,
         trailing_space]


def unformatted(files):
    sources = [f for f in files if f.endswith(CODE)]
    result = subprocess.run(["clang-format", "--dry-run", "-Werror"] + sources,
                            stderr=subprocess.PIPE, text=True)
    return [line for line in result.stderr.splitlines() if "error:" in line]


def write_xml(path, results):
    with open(path, "w", encoding="utf-8") as out:
        out.write('<testsuites><testsuite name="lint">\n')
        for name, problems in results:
            out.write('<testcase classname="lint" name="%s">' % name)
            if problems:
                out.write("<failure>%s</failure>" % xml.escape("\n".join(problems)))
            out.write("</testcase>\n")
        out.write("</testsuite></testsuites>\n")


def main():
    started = time.monotonic()
    os.chdir(tree_root())
    files = list(source_files("."))
    content = {}
    for path in files:
        with open(path, encoding="utf-8") as file:
            content[path] = file.read().split("\n")
    results = [(rule.__name__, [p for path in files for p in rule(path, content[path])])
               for rule in RULES]
    if "--format" in sys.argv[1:]:
        results.append(("unformatted", unformatted(files)))
    for name, problems in results:
        print("%-20s %s" % (name, "ok" if not problems else "%d problems" % len(problems)))
        for problem in problems:
            print("  " + problem)
    print("%d files, %.1f s" % (len(files), time.monotonic() - started))
    if "XML_OUTPUT_FILE" in os.environ:
        write_xml(os.environ["XML_OUTPUT_FILE"], results)
    sys.exit(1 if any(problems for _, problems in results) else 0)


main()

#!/usr/bin/env python3
"""Runs `bazel test` with the given arguments and closes with one plain count.

Several runs, one after the other, whatever comes of the earlier ones, are separated by `--then`;
the count is the sum.

The count is of test cases (from each test.xml), not of Bazel's test targets. A
target that failed without a failing case (a crash, a leak found at exit, a
time-out) counts as one failed case, and so does a target that was not built.

Of a target that was tried more than once (--flaky_test_attempts) the last
attempt counts. Those that failed before they passed are named before the count.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import xml.etree.ElementTree as ET


def cases(path):
    count = collections.Counter()
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError):
        return count
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            count["failed"] += 1
        elif (case.get("status") == "notrun" or case.get("result") in ("skipped", "suppressed")
              or case.find("skipped") is not None):
            count["skipped"] += 1
        else:
            count["passed"] += 1
    return count


def run(arguments):
    """Runs `bazel test` once: its exit code, the count, and what passed only when tried again."""
    with tempfile.TemporaryDirectory() as scratch:
        events = os.path.join(scratch, "events.json")
        rc = subprocess.call(["bazel", "test", "--build_event_json_file=" + events] + arguments)
        total = collections.Counter()
        last = {}  # (target, run, shard) -> its last attempt
        unsteady = set()  # labels of those with an attempt that did not pass
        unbuilt = set()
        if os.path.exists(events):
            with open(events, encoding="utf-8") as lines:
                for line in lines:
                    event = json.loads(line)
                    key = event.get("id", {}).get("testResult")
                    if key and "testResult" in event:
                        last[key["label"], key.get("run"), key.get("shard")] = event["testResult"]
                        if event["testResult"]["status"] != "PASSED":
                            unsteady.add(key["label"])
                    built = event.get("id", {}).get("targetCompleted")
                    if built and not event.get("completed", {}).get("success"):
                        unbuilt.add(built["label"])
    for (label, _, _), result in last.items():
        count = collections.Counter()
        for output in result.get("testActionOutput", []):
            if output["name"] == "test.xml":
                count = cases(urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path))
        good = result["status"] in ("PASSED", "FLAKY")
        if not good:
            unsteady.discard(label)
            count["failed"] = count["failed"] or 1
        total += count
    for label in sorted(unbuilt):
        print("not built: " + label)
        total["failed"] += 1
    return rc if rc else (1 if total["failed"] else 0), total, unsteady


def split_runs(arguments):
    """The arguments of each run: they are separated by `--then`."""
    runs = [[]]
    for argument in arguments:
        if argument == "--then":
            runs.append([])
        else:
            runs[-1].append(argument)
    return runs


def main():
    total = collections.Counter()
    unsteady = []
    rc = 0
    runs = split_runs(sys.argv[1:])
    for number, arguments in enumerate(runs, 1):
        begin = time.monotonic()
        if len(runs) > 1:
            print("=== run %d of %d: bazel test %s" %
                  (number, len(runs), " ".join(arguments)), flush=True)
        code, count, labels = run(arguments)
        unsteady += sorted(labels)
        rc = rc or code
        total += count
        if len(runs) > 1:
            # Not in the form of the last line, which is the only count of all.
            print("=== run %d of %d: passed %d, failed %d, skipped %d, in %d s" %
                  (number, len(runs), count["passed"], count["failed"], count["skipped"],
                   time.monotonic() - begin), flush=True)
    for label in unsteady:
        print("UNSTEADY: %s failed, and passed when it was tried again; its failure is above" % label)
    print("%d passed, %d failed, %d skipped" %
          (total["passed"], total["failed"], total["skipped"]), flush=True)
    sys.exit(rc)


main()

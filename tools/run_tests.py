#!/usr/bin/env python3
"""Runs `bazel test` with the given arguments and closes with one plain count.

The count is of test cases (from each test.xml), not of Bazel's test targets. A
target that failed without a failing case (a crash, a leak found at exit, a
time-out) counts as one failed case, and so does a target that was not built.
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
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


def main():
    with tempfile.TemporaryDirectory() as scratch:
        events = os.path.join(scratch, "events.json")
        rc = subprocess.call(["bazel", "test", "--build_event_json_file=" + events] + sys.argv[1:])
        total = collections.Counter()
        last = {}  # (target, run, shard) -> its last attempt
        unbuilt = set()
        if os.path.exists(events):
            with open(events, encoding="utf-8") as lines:
                for line in lines:
                    event = json.loads(line)
                    key = event.get("id", {}).get("testResult")
                    if key and "testResult" in event:
                        last[key["label"], key.get("run"), key.get("shard")] = event["testResult"]
                    built = event.get("id", {}).get("targetCompleted")
                    if built and not event.get("completed", {}).get("success"):
                        unbuilt.add(built["label"])
    for result in last.values():
        count = collections.Counter()
        for output in result.get("testActionOutput", []):
            if output["name"] == "test.xml":
                count = cases(urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path))
        good = result["status"] in ("PASSED", "FLAKY")
        if not good and not count["failed"]:
            count["failed"] += 1
        total += count
    for label in sorted(unbuilt):
        print("not built: " + label)
        total["failed"] += 1
    print("%d passed, %d failed, %d skipped" %
          (total["passed"], total["failed"], total["skipped"]), flush=True)
    sys.exit(rc if rc else (1 if total["failed"] else 0))


main()

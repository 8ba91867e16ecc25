#!/usr/bin/env python3
"""Runs GoogleTest programs in one boot of the guest, and reports each test case as its own.

  batch.py PROGRAM FILTER [PROGRAM FILTER...]      (a program's path and its --gtest_filter)

A case that skips itself has failed here: the guest has every kernel feature that a test may miss on
a build machine. So has a filter that matches nothing, a program that ended without its report, and
everything that was to run if the guest gave no result. HEDDLE_GUEST=0 boots nothing and reports
every case as skipped.
"""
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import linux  # noqa: E402
import machine  # noqa: E402

MEMORY_MIB = 1536
LIMIT_SECONDS = 840  # of all together; under the time that Bazel gives the test
PROGRAM_LIMIT_SECONDS = 420


def case(suite, name, kind=None, message=""):
    element = ET.Element("testcase", classname=suite, name=name)
    if kind:
        ET.SubElement(element, kind, message=message)
    return element


def problem(program, message):
    """What went wrong with a program as a whole, as a test case of its own."""
    print("FAILED: %s: %s" % (program, message), flush=True)
    return case(os.path.basename(program), "AllOfIt", "failure", message)


def listed(program, test_filter):
    """Names of the cases, as (suite, name)."""
    shown = subprocess.run([program, "--gtest_list_tests", "--gtest_filter=" + test_filter],
                           check=True, stdout=subprocess.PIPE, text=True).stdout
    suite, names = "", []
    for line in shown.splitlines():
        word = line.split("#")[0].strip()
        if line.startswith("  "):
            names.append((suite, word))
        elif word.endswith("."):
            suite = word[:-1]
    return names


def script(programs):
    """Runs one program after the other, whatever becomes of each."""
    lines = []
    for number, (program, test_filter) in enumerate(programs):
        lines += ["timeout -k 5 %d %s --gtest_filter=%s --gtest_output=xml:/guest/%d.xml 2>&1" % (
            PROGRAM_LIMIT_SECONDS, shlex.quote(program), shlex.quote(test_filter), number),
                  "echo $? > /guest/%d.exit" % number]
    return "\n".join(lines)


def content(name):
    try:
        with open(os.path.join(machine.share(), name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def report(number, program, test_filter):
    """The cases of the program with this number, after the guest has ended."""
    exit_code, text = content("%d.exit" % number), content("%d.xml" % number)
    if not exit_code:
        return [problem(program, "did not run to its end")]
    if not text:
        return [problem(program, "ended with %s and without a report" % exit_code)]
    cases = list(ET.fromstring(text).iter("testcase"))
    cases = [c for c in cases if c.get("status") != "notrun"]
    if not cases:
        return [problem(program, "no test matches " + test_filter)]
    for element in cases:
        skipped = element.find("skipped")
        if skipped is not None or element.get("result") == "skipped":
            why = "" if skipped is None else skipped.get("message") or ""
            print("FAILED: %s.%s skipped itself: %s" % (
                element.get("classname"), element.get("name"), why), flush=True)
            for old in element.findall("skipped"):
                element.remove(old)
            element.set("result", "completed")
            ET.SubElement(element, "failure", message="skipped in the guest: " + why)
    if exit_code != "0" and not any(c.find("failure") is not None for c in cases):
        cases.append(problem(program, "ended with " + exit_code))
    return cases


def run_all(programs):
    try:
        machine.run(["/bin/sh", "-c", script(programs)], MEMORY_MIB, LIMIT_SECONDS)
        cases = []
    except machine.NoResult as error:
        cases = [problem("the guest", str(error))]
    for number, (program, test_filter) in enumerate(programs):
        cases += report(number, program, test_filter)
    return cases


def main():
    programs = list(zip(sys.argv[1::2], sys.argv[2::2]))
    if os.environ.get("HEDDLE_GUEST") == "0":
        print("HEDDLE_GUEST=0: none of the guest's tests runs")
        cases = [case(suite, name, "skipped", "HEDDLE_GUEST=0")
                 for program, test_filter in programs
                 for suite, name in listed(program, test_filter)]
    else:
        machine.isolate()
        cases = run_all(programs)
    failed = sum(c.find("failure") is not None for c in cases)
    skipped = sum(c.find("skipped") is not None for c in cases)
    print("guest: %d test cases, %d failed, %d skipped" % (len(cases), failed, skipped))
    suites = ET.Element("testsuites")
    ET.SubElement(suites, "testsuite", name="guest").extend(cases)
    if "XML_OUTPUT_FILE" in os.environ:
        ET.ElementTree(suites).write(os.environ["XML_OUTPUT_FILE"], encoding="utf-8")
    return 1 if failed or not cases else 0


sys.exit(main())

#!/bin/sh
echo "coverage merging is not packaged for this Bazel" >&2
exit 1

# Sourced by tests/run: `asan_run` and `tsan_run`, what `bazel test` is to run under each sanitizer.

# Addresses, leaks and undefined behaviour: everything but
# - tests/guest: the emulated machine is slow enough, and its programs run here;
# - tests/chaos: a minute that judges a cluster by the clock, with fifty programs on two processors;
# - tests/lint: it reads sources.
# Benchmarks are no tests. Fewer seeds of the simulation: each takes ten times as long.
asan_run=(
  --config=asan --build_tests_only --test_env=HEDDLE_SIMULATION_SEEDS=40
  -- //... -//tests/guest/... -//tests/chaos:chaos_test -//tests/lint/...
)

# Data races: what has threads and none of them in gRPC (tests/sanitizers/BUILD.bazel).
tsan_run=(--config=tsan --test_env=HEDDLE_SIMULATION_SEEDS=40 //tests/sanitizers:tsan)

echo "tests/run: not under a sanitizer: //tests/guest, //tests/chaos:chaos_test, the quickstart and" \
  "benchmarks; under ThreadSanitizer only //tests/sanitizers:tsan" >&2

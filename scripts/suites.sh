# SPDX-License-Identifier: MIT
# What scripts/test and scripts/soak share; sourced by them. Builds and logs are in build-test/.

totals=$(mktemp)
trap 'rm -f "$totals"' EXIT
export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/tests/tsan.suppressions"
export MESON_TESTTHREADS=${MESON_TESTTHREADS:-$(nproc)}

# build NAME COMPILER OPTION…: into build-test/NAME; a warning is an error. A build that fails is a failure.
build() {
    local name=$1 compiler=$2 folder=build-test/$1 log=build-test/$1.log
    shift 2
    set -- -Dtests=true "$@"
    echo "$name: $compiler $*"
    mkdir -p build-test
    : >"$log"
    if [ "$(cat "$folder/made-by" 2>&1)" != "$compiler $*" ]; then
        rm -rf "$folder"
        CC=$compiler meson setup "$folder" -Dwerror=true "$@" >>"$log" 2>&1 && echo "$compiler $*" >"$folder/made-by"
    fi && ninja -C "$folder" >>"$log" 2>&1 && return
    grep -E -A 3 'error:|ERROR:|FAILED:' "$log" | cut -c 1-300 | head -n 30
    echo "  FAILED to build; see $log"
    echo "0 1" >>"$totals"
    return 1
}

# suites NAME PATIENCE SUITE…: runs them in build-test/NAME. PATIENCE multiplies their time limits (0: none); $arguments goes
# to each program.
suites() {
    local name=$1 patience=$2 folder=build-test/$1 suite
    shift 2
    for suite; do
        rm -f "$folder/meson-logs/$suite.json"
        meson test -C "$folder" --no-rebuild --timeout-multiplier "$patience" --suite "$suite" --logbase "$suite" \
            --test-args="${arguments:-}" >"$folder/$suite.log" 2>&1
        python3 tools/tally.py "$name $suite" "$folder/meson-logs/$suite.json" "$totals"
    done
}

# suites_beside NAME SUITE…: the suites of a build that are not among these.
suites_beside() {
    local name=$1
    shift
    meson introspect --tests "build-test/$name" | python3 -c 'import json, sys
print(*sorted({suite.split(":")[-1] for test in json.load(sys.stdin) for suite in test["suite"]} - set(sys.argv[1:])))' "$@"
}

# Prints the last line; the exit status is 0 when something passed and nothing failed.
end() {
    python3 tools/tally.py --total "$totals"
}

# SPDX-License-Identifier: MIT
# What scripts/test and scripts/soak share; sourced by them. Builds and logs are in build-test/.

totals=$(mktemp)
trap 'rm -f "$totals"' EXIT
export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/tests/tsan.suppressions"
export MESON_TESTTHREADS=${MESON_TESTTHREADS:-$(($(nproc) + 1))} # some programs wait for others most of the time

# What the builds with sanitizers are made with. At -O1 they are compiled in half the time and run as fast; but gcc knows too little
# of ranges there for one warning, which the release build gives.
asan=(gcc --buildtype=debugoptimized -Doptimization=1 -Dc_args=-Wno-format-truncation -Db_sanitize=address,undefined)
tsan=(clang-14 --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false)

# build NAME COMPILER OPTION…: into build-test/NAME; a warning is an error. A build that fails is a failure. $only: what these
# suites need, and nothing else. Other builds than gcc take the SQLite that gcc compiled.
build() {
    local name=$1 compiler=$2 folder=build-test/$1 log=build-test/$1.log
    shift 2
    set -- -Dtests=true "$@"
    if [ "$name" != gcc ] && [ -d build-test/gcc/src ]; then
        set -- "$@" "-Dsqlite_object=$(find "$PWD/build-test/gcc/src" -path '*/libsqlite3.so*' -name '*sqlite3.c.o')"
    fi
    echo "$name: $compiler $*"
    mkdir -p build-test
    : >"$log"
    if [ "$(cat "$folder/made-by" 2>&1)" != "$compiler $*" ]; then
        rm -rf "$folder"
        CC=$compiler meson setup "$folder" -Dwerror=true "$@" >>"$log" 2>&1 && echo "$compiler $*" >"$folder/made-by"
    fi && ninja -C "$folder" build.ninja >>"$log" 2>&1 && ninja -C "$folder" $(targets "$name" ${only:-}) >>"$log" 2>&1 && return
    grep -E -A 3 'error:|ERROR:|FAILED:' "$log" | cut -c 1-300 | head -n 30
    echo "  FAILED to build; see $log"
    echo "0 1" >>"$totals"
    return 1
}

# targets NAME SUITE…: what the programs of these suites are made of, as ninja names it.
targets() {
    local name=$1
    shift
    [ $# -eq 0 ] || meson introspect --tests --targets "build-test/$name" | python3 -c 'import json, os, sys
build, wanted, of = os.path.abspath(sys.argv[1]), set(sys.argv[2:]), json.load(sys.stdin)
files = {target["id"]: target["filename"] for target in of["targets"]}
tests = [test for test in of["tests"] if wanted & {suite.split(":")[-1] for suite in test["suite"]}]
print(*sorted({os.path.relpath(file, build) for test in tests for needed in test["depends"] for file in files[needed]}))' \
        "build-test/$name" "$@"
}

# suites NAME PATIENCE SUITE…: runs them in build-test/NAME, all at once, so that no core waits for the last program of each.
# PATIENCE multiplies their time limits (0: none); $arguments goes to each program.
suites() {
    local name=$1 patience=$2 folder=build-test/$1 log=$3 # of the first of them
    shift 2
    rm -f "$folder/meson-logs/$log.json"
    meson test -C "$folder" --no-rebuild --timeout-multiplier "$patience" "${@/#/--suite=}" --logbase "$log" \
        --test-args="${arguments:-}" >"$folder/$log.log" 2>&1
    python3 tools/tally.py "$name" "$folder/meson-logs/$log.json" "$totals" "$@"
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

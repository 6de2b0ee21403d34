# SPDX-License-Identifier: Apache-2.0
# The suites of tests/run, which sources this: suite_NAME each, built on its count, check and leave_out.

sources() {
    git ls-files '*.c' '*.h' 2>/dev/null || find . -path ./build -prune -o -name '*.[ch]' -print
}

# build PRESET [TARGET]: leaves `built` yes or no.
build() {
    local before=$failed
    check "$1 builds" sh -c "cmake --preset $1 && cmake --build --preset $1 -j$build_jobs ${2:+--target $2}"
    built=$([ "$failed" = "$before" ] && echo yes || echo no)
}

# unit_tests PRESET [PATTERN]: ctest of one preset; the count is ctest's own.
unit_tests() {
    local preset=$1 log counts
    build "$preset"
    log=$(mktemp)
    ctest --preset "$preset" ${2:+-R "$2"} -j$test_jobs >"$log" 2>&1
    counts=$(sed -nE 's/.*, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
    if [ -z "$counts" ]; then
        tail -n 40 "$log"
        count 0 1
    else
        read -r bad total <<<"$counts"
        echo "$([ "$bad" = 0 ] && echo 'ok   ' || echo FAIL ) $preset: $((total - bad)) of $total unit tests"
        [ "$bad" = 0 ] || grep -vE ' Passed ' "$log" | tail -n 80
        count $((total - bad)) "$bad"
    fi
    rm -f "$log"
}

# Python suites print their own lines and leave "passed failed" and reasons of what was left out behind.
python_suite() {
    local result line
    result=$(mktemp)
    # its status says nothing that the result file does not: without one, the run counts as failed below
    python3 tests/kit/runner.py --result "$result" "$@" || true
    if [ -s "$result" ]; then
        read -r good bad <"$result"
        count "$good" "$bad"
        while read -r line; do leave_out "${line%%: *}" "${line#*: }"; done < <(tail -n +2 "$result")
    else
        echo "FAIL  $* ended without a result"
        count 0 1
    fi
    rm -f "$result"
}

# find_part VARIABLE PART: leaves VARIABLE set to what tests/rig/build prints, or empty with the reason among what was
# left out.
find_part() {
    local log path
    log=$(mktemp)
    path=$(tests/rig/build "$2" 2>"$log")
    case $? in
    0) ;;
    3) leave_out "$2" "$(tail -n 1 "$log")" ;;
    *)
        cat "$log"
        count 0 1
        ;;
    esac
    export "$1=$path"
    rm -f "$log"
}

find_clients() {
    find_part KUBO kubo
    find_part KUBO_0_39 kubo-0.39
    find_part KUBO_RPC_CLIENT js
}

build_release() {
    build release
    export RIG_BUILD=${RIG_BUILD:-$PWD/build/release}
}

format_check() {
    sources | xargs clang-format --dry-run -Werror
}


suite_unit() {
    for preset in debug asan tsan; do unit_tests $preset; done
    check "clang-format finds nothing" format_check
    check "clang-tidy finds nothing" tests/rig/tidy build/debug
}

suite_integration() {
    build_release
    python_suite tests/integration
    instructions_check
}

# The output is shown also when it is well: it is a figure.
instructions_check() {
    if python3 tests/bench/instructions.py; then
        count 1 0
    else
        echo "FAIL  instructions per request"
        count 0 1
    fi
}

suite_e2e() {
    build_release
    find_clients
    python_suite tests/e2e
}

# Once as it is shipped, once under the address and undefined behaviour sanitizers; the full tier adds the thread sanitizer.
suite_faults() {
    local sanitizers=asan preset
    build_release
    python_suite tests/faults
    [ "$RIG_TIER" = ci ] || sanitizers="asan tsan"
    for preset in $sanitizers; do
        build $preset
        echo "-- under $preset"
        RIG_BUILD=$PWD/build/$preset RIG_TIER=ci python_suite tests/faults tests/integration
    done
}

suite_sim() {
    build_release
    python_suite tests/sim
}

# Every fuzzer replays its corpus and then looks for more, for three minutes in all; two run side by side.
suite_fuzz() {
    local seconds=${FUZZ_SECONDS:-180} programs program corpus share
    build fuzz fuzzers
    [ "$built" = yes ] || return
    programs=$(find build/fuzz/fuzz -maxdepth 1 -type f -executable 2>/dev/null | sort)
    [ -n "$programs" ] || { leave_out fuzz "no fuzzer exists yet"; return; }
    share=$((seconds / $(wc -w <<<"$programs")))
    [ $share -gt 0 ] || share=1
    local results
    results=$(mktemp -d)
    for program in $programs; do
        corpus=$(find tests/fuzz -type d -path "*/$(basename "$program" | sed 's/_/\//').corpus")
        echo "$program $results/$(basename "$program") $share $corpus"
    done | xargs -P2 -L1 tests/rig/fuzz
    for program in "$results"/*.rc; do
        check "$(basename "$program" .rc) for $share s" sh -c "cat '${program%.rc}'; exit $(cat "$program")"
    done
    rm -rf "$results"
}

suite_bench() {
    build_release
    if python3 tests/bench/bench.py "${bench_options[@]}"; then
        count 1 0
    else
        echo "FAIL  bench"
        count 0 1
    fi
}

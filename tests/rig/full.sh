# SPDX-License-Identifier: Apache-2.0
# The full tier, sourced by tests/run: `tests/run full STEP` runs the parts of that step, in full sizes. A part that passed
# for this commit is not run again; one that might not end within 40 minutes of the run's start is left for the next run.
# FULL_SECONDS=1 runs the next part alone.

# A part: the minutes that it may take on two busy cores, and what is run. Comments name what it shows.
full_parts_1() {
    cat <<'END'
5   tests    tests/e2e          *.KuboBehind*.test_small*,*.KuboBehind*.test_version*,*.KuboBehind*.test_a_folder*,*.KuboBehind*.test_what*
30  tests    tests/e2e          *.KuboBehind.test_a_big_file*       # the real Kubo: 10 GiB, plain
35  tests    tests/e2e          *.KuboBehindTls.test_a_big_file*    # and over TLS
15  tests    tests/e2e          test_memory.*                       # memory
15  bench    small,upload                                           # speed
5   bench    latency
15  tests    tests/e2e          test_refused_upload.*               # a refused 5 GiB upload, 300 times by each client
10  tests    tests/faults       test_upstream_faults.*,test_clients_gone.*,test_retries.*
15  tests    tests/faults       test_hostile.*,test_load.*          # hostile input; 20,000 connections
10  tests    tests/integration  test_running.*,test_watching.*,test_timeouts.*
15  unit     debug                                                  # the six cases of what is asynchronous
20  unit     asan
30  unit     tsan
25  under    asan               test_upstream_faults.*,test_clients_gone.*,test_retries.*,test_hostile.*,test_load.*
35  under    tsan               test_upstream_faults.*,test_clients_gone.*,test_retries.*,test_hostile.*,test_load.*
10  suite    fuzz
5   instructions
END
}

full_parts_2() {
    cat <<'END'
15  tests    tests/e2e          test_differential_cli.Cli.*         # the same output with and without the gateway
15  tests    tests/e2e          test_differential_cli.CliOfMember.*         # and as the one member of a policy
15  tests    tests/e2e          test_differential_js.*,test_differential_cli.CliOlderKubo.*
10  tests    tests/e2e          test_catalogue.*
25  tests    tests/e2e          test_canonical.*                    # 1,000,000 generated calls through the gateway
25  tests    tests/e2e          test_readers.*                      # Kubo's and Go's own readers
10  tests    tests/integration  test_rpc_paths.*,test_gates.*       # every spelling refused or normalized
5   tests    tests/integration  test_browsers.*                     # CSRF and rebinding
10  tests    tests/e2e          test_golden.*                       # how each status prints
15  unit     debug              ipfs/test_call|ipfs/test_multipart|proxy/|upstream/
15  unit     asan               ipfs/test_call|ipfs/test_multipart|proxy/|upstream/
10  suite    fuzz
15  bench    small,upload                                           # the bars of step 1 with the catalogue on
5   bench    latency
END
}

full_parts_5() {
    cat <<'END'
10  tests    tests/e2e          test_pins.*                         # two members, both Kubos
20  tests    tests/e2e          test_pin_model.*                    # 64 members' random interleavings against a model
10  tests    tests/e2e          test_stored_quotas.*,test_quota_texts.*
10  tests    tests/integration  test_quotas.*,test_live_limit.*     # rates, windows, concurrency at their limits
25  tests    tests/faults       test_pin_crashes.*                  # kill -9 of gateway and Kubo, older backups
25  tests    tests/faults       test_upload_crashes.*               # and while members upload, both Kubos
35  tests    tests/faults       test_crash_states.*
15  tests    tests/e2e          test_differential_cli.Cli.*         # as the one member of an empty node
15  tests    tests/e2e          test_differential_js.*
10  tests    tests/e2e          test_golden.*
5   tests    tests/integration  test_ledger.*
15  unit     debug              store/|upstream/|policy/|proxy/
15  unit     asan               store/|upstream/|policy/|proxy/
25  unit     tsan               store/|upstream/|policy/|proxy/
15  bench    pins,pin_list      # a million pins
15  bench    small,quotas       # the bars of step 4 with quotas on
END
}

full_parts_6() {
    cat <<'END'
20  tests    tests/e2e          test_differential_embedded.*        # the same output as Kubo's beside it
35  tests    tests/e2e          test_import_commands.*              # 4,000 random trees, 1,500 CARs, beside Kubo
35  tests    tests/e2e          test_read_commands.*                # 60,000 random reads
35  tests    tests/e2e          test_dag_commands.*                 # 2,000 mixed DAGs
39  tests    tests/e2e          test_files_commands.*               # random sequences of files commands
20  tests    tests/e2e          test_pin_model.PinModelEmbedded.*
15  tests    tests/faults       test_embedded_faults.*              # a full disk, damage, two processes
25  tests    tests/faults       test_pin_crashes.*Embedded*,test_upload_crashes.*Embedded*
35  tests    tests/faults       test_crash_states.*
30  bench    node                                                   # beside Kubo on one disk
15  unit     debug              ipfs/|upstream/|embedded/
20  unit     asan               ipfs/|upstream/|embedded/
25  unit     tsan               upstream/|embedded/
10  suite    fuzz
END
}

full_parts_7() {
    cat <<'END'
20  tests    tests/integration  test_links.*,test_link_protocol.*   # both implementations; from nothing to active; three in a triangle
20  tests    tests/integration  test_link_refusals.*                # each refusal, seen on both sides
35  tests    tests/faults       test_link_faults.*                  # partitions, black holes, delay, loss, single bytes
40  tests    tests/sim          test_links.*                        # 100,000,000 operations
35  bench    links,link_tls                                         # members beside black holes, 1,000 links, handshakes, 1 GiB
15  unit     debug              federation/|auth/|http/
20  unit     asan               federation/|auth/|http/
25  unit     tsan               federation/|auth/|http/
30  under    asan               test_link_faults.*
10  suite    fuzz
END
}

full_parts_8() {
    cat <<'END'
20  tests    tests/e2e          *.EmbeddedAndKubo.*                 # 50,000 files and 5 GiB placed, both sides killed, read back
20  tests    tests/e2e          *.KuboAndEmbedded.*
20  tests    tests/e2e          *.KuboTwice.*
20  tests    tests/e2e          *.ThreeOrganizations.*,*.Particulars*.*,*.MissesMidway.*,*.PinsOfOthers.*
15  tests    tests/e2e          test_federation.*,test_copies.*,test_read_back.*
20  tests    tests/integration  test_hostile_*,test_placement.*     # hostile owners and holders: the second implementation
30  tests    tests/faults       test_federation_faults.*,test_hostile_* # kill -9 at every point of an allocation's life, both sides
39  tests    tests/sim          test_allocations.*                  # 100,000,000 steps
25  bench    placement          # 1,000,000 objects over 1,000 sites; one of 12 sites goes
35  bench    transfers          # a large object, 10,000 small ones, memory, black holes with copies queued
15  unit     debug              federation/|proxy/|store/           # the vectors of placement among them
25  unit     asan               federation/|proxy/|store/
25  unit     tsan               federation/|proxy/
30  under    asan               test_federation_faults.*
10  suite    fuzz
END
}

# Steps without a list of their own: every suite.
full_parts() {
    if declare -f "full_parts_$1" >/dev/null; then
        "full_parts_$1"
    else
        printf '%s\n' "40 suite e2e" "40 suite faults" "20 suite integration" "40 suite unit" "10 suite fuzz" "5 suite sim" "40 suite bench"
    fi
}

# part_KIND ARGUMENT...
part_tests() { python_suite --only "$2" "$1"; }
part_unit() { unit_tests "$1" "${2:-}"; }
part_under() {
    build "$1"
    RIG_BUILD=$PWD/build/$1 RIG_TIER=ci python_suite --only "$2" tests/faults
}
part_suite() { "suite_$1"; }
part_instructions() { instructions_check; }
part_bench() {
    bench_options=(--only "$1" --json "$state/bench-$1.json")
    suite_bench
    python3 tests/bench/results.py --bench "$state/bench-$1.json"
}

run_full() {
    local state minutes kind words part before limit=${FULL_SECONDS:-2400} ran=no
    state=build/full/$1/$(git rev-parse --short=12 HEAD)
    mkdir -p "$state"
    export RIG_FIGURES=$PWD/$state/figures.jsonl
    build_release
    find_clients
    while read -r minutes kind words <&3; do
        words=$(sed -E 's/ +# .*//; s/ +/ /g' <<<"$words")
        part=$(tr -c 'a-zA-Z0-9_.\n' - <<<"$kind $words")
        [ ! -e "$state/$part" ] || { echo "== $kind $words: passed already for this commit"; continue; }
        if [ $ran = yes ] && [ $((SECONDS + minutes * 60)) -gt "$limit" ]; then
            leave_out "$kind $words" "no time left; run tests/run full $1 again"
            continue
        fi
        ran=yes before=$failed
        echo "== $kind $words"
        run_part "$kind" "$words"
        [ "$failed" != "$before" ] || touch "$state/$part"
    done 3< <(full_parts "$1")
    python3 tests/bench/results.py --figures "$state/figures.jsonl"
}

# run_part KIND WORDS: its time stands among those of the suites.
run_part() {
    local start=$SECONDS before=$failed had=$passed words
    read -ra words <<<"$2" # no file names: they stay as they are
    "part_$1" "${words[@]}"
    if [ "$had" = "$passed" ] && [ "$before" = "$failed" ]; then
        echo "FAIL  nothing was run"
        count 0 1
    fi
    times+=("$(printf '%-12s %4d s  %s' "$1" $((SECONDS - start)) "$([ "$failed" = "$before" ] && echo passed || echo FAILED)  $2")")
}

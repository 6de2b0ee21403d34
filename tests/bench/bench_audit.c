// SPDX-License-Identifier: Apache-2.0
/* The audit log: what a record costs the thread that makes it, and how many lines a second reach a
 * file. One thread records in bursts, as fast as it can; between them the log catches up. Then one
 * records all the time, and what finds no room is counted. And how fast a log is verified. */
#include "auth/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 400, ROUNDS = 200, STEADY_MS = 3000 };

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool put(struct audit_writer *writer)
{
    static const struct slice arguments[] = {
        {"bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354", 59}};
    static const struct audit_pair options[] = {{{"recursive", 9}, {"true", 4}}};
    static const struct principal principal = {
        .kind = PRINCIPAL_MEMBER, .id = {"alice", 5}, .token_id = {"abcdefghij", 10}};
    struct audit_entry entry = {
        .time_ms = 1770000000000,
        .request_id = SLICE("9912dad7010000000000"),
        .principal = &principal,
        .command = SLICE("pin/add"),
        .arguments = arguments,
        .argument_count = 1,
        .options = options,
        .option_count = 1,
        .decision = SLICE("allow"),
        .mode = SLICE("enforce"),
        .rule = SLICE("role:writer"),
        .at = SLICE("policy.yaml:15"),
        .policy = SLICE("32e9e451bbcfafd6d722ede4d5ccb011eca282edbd0d774c29be44b5e7b051fe"),
    };

    return audit_put(writer, &entry);
}

static void measure_cost(struct audit *audit, struct audit_writer *writer)
{
    uint64_t best = UINT64_MAX, records = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID), took;

        for (unsigned i = 0; i < BURST; i++)
            records += put(writer);
        took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
        best = took < best ? took : best;
        while (audit_counters(audit).records < records)
            usleep(1000);
    }
    printf("%-44s %8.1f ns\n", "to record a call", (double)best / BURST);
}

static void measure_rate(struct audit *audit, struct audit_writer *writer)
{
    uint64_t before = audit_counters(audit).records, put_count = 0, lost = 0;
    uint64_t begin = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t own = clock_ns(CLOCK_THREAD_CPUTIME_ID), written;
    double seconds;

    while (clock_ns(CLOCK_MONOTONIC) - begin < (uint64_t)STEADY_MS * 1000000) {
        for (unsigned i = 0; i < 32; i++)
            *(put(writer) ? &put_count : &lost) += 1;
        usleep(100);
    }
    seconds = (double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e9;
    written = audit_counters(audit).records - before;
    cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu - (clock_ns(CLOCK_THREAD_CPUTIME_ID) - own);
    printf("%-44s %8.0f, %.2f %% lost\n", "lines a second that reach the file",
           (double)written / seconds, 100.0 * (double)lost / (double)(put_count + lost));
    printf("%-44s %8.1f ns\n", "to chain and write one", (double)cpu / (double)written);
}

static void measure_verify(const char *path)
{
    struct audit_chain chain = {0};
    struct audit_report report;
    struct error err = {0};
    uint64_t begin = clock_ns(CLOCK_MONOTONIC);

    if (!audit_verify(path, &chain, NULL, NULL, &report, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    printf("%-44s %8.0f\n", "lines verified a second",
           (double)report.lines / ((double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e9));
}

int main(void)
{
    char folder[] = "/tmp/causeway-bench-XXXXXX", path[64];
    struct audit_settings settings = {.path = path};
    struct audit_writer *writer;
    struct error err = {0};
    struct audit *audit;

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/audit.log", folder);
    if (!audit_open(&audit, &settings, NULL, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    writer = audit_writer_create(audit);
    measure_cost(audit, writer);
    measure_rate(audit, writer);
    audit_writer_destroy(&writer);
    audit_close(&audit);
    measure_verify(path);
    unlink(path);
    rmdir(folder);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* bench_policy [--quick] [--json]: what a decision takes under a policy of 1,000 rules and 10,000
 * members, what `policy check` takes for 5,000 lines, and the memory of 100,000 tokens. The best
 * round of each counts: what disturbs a round only ever makes it slower. --json prints one object a
 * figure. Ends with 1 if a goal is missed.
 *
 * The policy: 100 groups, every member in three of them; 20 roles, each bound to five groups; of
 * the rules, one in twenty is about everybody and the others about one group each, on four commands
 * by turns, and nine in ten have a condition. */
#include "auth/directory.h"
#include "conf/memory.h"
#include "policy/ask.h"
#include "policy/check.h"
#include "policy/decide.h"
#include "policy/finding.h"
#include "policy/policy.h"

#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    MEMBERS = 10000,
    RULES = 1000,
    GROUPS = 100,
    ROLES = 20,
    TOKENS = 100000,
    DECISIONS = 200000,
    ROUNDS = 5,
    LINES = 5000,
    LINES_RULES = 1000,
};

#define P99_GOAL_US     5
#define CHECK_GOAL_MS   200
#define MEMORY_GOAL_MIB 64

struct bench {
    bool json, quick, missed;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_policy: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void print(struct bench *bench, const char *name, double value, const char *unit,
                  double allowed)
{
    bool met = value <= allowed;

    bench->missed = bench->missed || !met;
    if (bench->json)
        printf("{\"name\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"peer\":\"what is allowed\","
               "\"peer_value\":%.1f,\"goal\":1.0,\"below\":true}\n",
               name, value, unit, allowed);
    else
        printf("%-56s %8.2f %-3s of %.0f allowed: %s\n", name, value, unit, allowed,
               met ? "met" : "MISSED");
    fflush(stdout);
}

/* ---- policies */

static void put_members(struct text *out, unsigned count)
{
    text_put_text(out, "version: 1\norg: bench.example\nmembers:\n");
    for (unsigned i = 0; i < count; i++)
        text_put_format(out, "  m%u: {groups: [g%u, g%u, g%u], attributes: {level: %u}}\n", i,
                        i % 34, 34 + i / 7 % 33, 67 + i / 61 % 33, i % 5);
}

static void put_groups_and_roles(struct text *out)
{
    text_put_text(out, "groups:\n");
    for (unsigned i = 0; i < GROUPS; i++)
        text_put_format(out, "  g%u: {}\n", i);
    text_put_text(out, "roles:\n");
    for (unsigned i = 0; i < ROLES; i++)
        text_put_format(out, "  r%u: {allow: [\"class:read\", {command: \"%s\", where: \"%s\"}]}\n",
                        i, i % 2 == 0 ? "pin/{add,rm}" : "files/*",
                        i % 2 == 0 ? "len(args) < 10" : "arg.path under '/home'");
    text_put_text(out, "bind:\n");
    for (unsigned i = 0; i < GROUPS; i++)
        text_put_format(out, "  - {to: \"group:g%u\", roles: [r%u]}\n", i, i % ROLES);
}

static void put_rules(struct text *out, unsigned count)
{
    static const char *const commands[] = {"add", "pin/add", "cat", "files/ls"};
    static const char *const conditions[] = {
        "has(req.content_length) and req.content_length > 5GiB",
        "net.src in 203.0.113.0/24",
        "attributes.level >= 6",
        "len(args) > 20",
    };

    text_put_text(out, "rules:\n");
    for (unsigned i = 0; i < count; i++) {
        text_put_format(out, "  - {id: rule-%u, %s: %s", i, i % 3 == 0 ? "allow" : "deny",
                        commands[i % ARRAY_SIZE(commands)]);
        if (i % 20 != 0)
            text_put_format(out, ", to: \"group:g%u\"", i % GROUPS);
        else
            text_put_text(out, ", to: \"*\"");
        if (i % 10 != 3 || i % 3 != 0)
            text_put_format(out, ", when: \"%s\"",
                            i % ARRAY_SIZE(commands) == 0 ? conditions[i / 4 % 3]
                                                          : conditions[1 + i / 4 % 3]);
        text_put_text(out, "}\n");
    }
}

static const struct policy *compile(const struct text *text, struct findings *findings)
{
    struct policy_source source = {.name = "policy.yaml", .bytes = text_slice(text)};
    const struct policy *policy;
    struct error err = {0};

    if (!policy_compile(&policy, &source, 1, findings, &err))
        die(err.text);
    return policy;
}

/* ---- decisions */

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

struct asking {
    const struct policy *policy;
    struct asked_call calls[8];
    size_t call_count;
    struct sockaddr_in peer;
    uint32_t *took_ns;
    uint64_t allowed;
};

static void ask_one(struct asking *asking, size_t i)
{
    /* an order that no cache guesses */
    const struct policy_member *member =
        policy_member(asking->policy, (size_t)(i * UINT64_C(7919) % MEMBERS));
    struct principal principal = {.kind = PRINCIPAL_MEMBER,
                                  .id = member->id,
                                  .groups = member->groups,
                                  .group_count = member->group_count,
                                  .attributes = member->attributes,
                                  .attribute_count = member->attribute_count,
                                  .peer = (const struct sockaddr *)&asking->peer};
    struct policy_request request = {.now_ms = 1800000000000, .content_length = 1000};
    const struct call *call = asking->calls[i % asking->call_count].call;
    struct decision decision;
    uint64_t begin = now_ns();

    policy_decide(asking->policy, &principal, call, &request, &decision);
    asking->took_ns[i] = (uint32_t)(now_ns() - begin);
    asking->allowed += decision.is_allowed;
}

static void read_calls(struct asking *asking)
{
    static const char *const texts[] = {
        "add?pin=true",
        "pin/add?arg=bafkqaaa",
        "pin/ls",
        "cat?arg=bafkqaaa",
        "block/put",
        "key/ls",
        "refs?arg=bafkqaaa",
        "files/ls?arg=/home/a",
    };
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (!ask_call(&asking->calls[asking->call_count++], slice_of(texts[i]), &err))
            die(err.text);
}

static void bench_decisions(struct bench *bench)
{
    size_t count = bench->quick ? DECISIONS / 10 : DECISIONS;
    uint32_t p50_ns = UINT32_MAX, p99_ns = UINT32_MAX;
    struct asking asking = {.peer = {.sin_family = AF_INET}};
    struct text text = {0};

    put_members(&text, MEMBERS);
    put_groups_and_roles(&text);
    put_rules(&text, RULES);
    asking.policy = compile(&text, NULL);
    asking.took_ns = memory_resize_array(NULL, count, sizeof(*asking.took_ns));
    read_calls(&asking);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++)
            ask_one(&asking, i);
        qsort(asking.took_ns, count, sizeof(*asking.took_ns), compare);
        p50_ns = least(p50_ns, asking.took_ns[count / 2]);
        p99_ns = least(p99_ns, asking.took_ns[count * 99 / 100]);
    }
    if (asking.allowed == 0 || asking.allowed == ROUNDS * count)
        die("every decision was the same");
    print(bench, "decision, 1,000 rules and 10,000 members, p50", p50_ns / 1000.0, "us",
          P99_GOAL_US);
    print(bench, "decision, 1,000 rules and 10,000 members, p99", p99_ns / 1000.0, "us",
          P99_GOAL_US);
    for (size_t i = 0; i < asking.call_count; i++)
        asked_call_dispose(&asking.calls[i]);
    free(asking.took_ns);
    policy_unref(&asking.policy);
    text_dispose(&text);
}

/* ---- check */

static unsigned lines_of(const struct text *text)
{
    unsigned lines = 0;

    for (size_t i = 0; i < text->size; i++)
        lines += text->data[i] == '\n';
    return lines;
}

static double check_ms(const struct text *text)
{
    struct findings findings = {0};
    struct policy_test_counts tests = {0};
    uint64_t begin = now_ns();
    const struct policy *policy = compile(text, &findings);

    policy_check(policy, 1800000000000, NULL, &findings, &tests);
    policy_unref(&policy);
    findings_dispose(&findings);
    return (double)(now_ns() - begin) / 1e6;
}

static void bench_check(struct bench *bench)
{
    struct text text = {0}, rest = {0};
    double best = 1e9;

    put_groups_and_roles(&rest);
    put_rules(&rest, LINES_RULES);
    put_members(&text, LINES - lines_of(&rest) - 3); /* which begin with three lines */
    text_put_slice(&text, text_slice(&rest));
    if (lines_of(&text) != LINES)
        die("the policy has another number of lines");
    for (unsigned round = 0; round < ROUNDS; round++) {
        double took = check_ms(&text);

        best = took < best ? took : best;
    }
    print(bench, "check of a policy of 5,000 lines", best, "ms", CHECK_GOAL_MS);
    text_dispose(&text);
    text_dispose(&rest);
}

/* ---- tokens */

static void bench_tokens(struct bench *bench)
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    struct directory *directory = directory_create();
    double bytes;

    for (unsigned i = 0; i < TOKENS; i++) {
        struct token_record record = {
            .owner_kind = OWNER_MEMBER, .created_ms = 1, .roles = SLICE("reader writer")};
        char text[TOKEN_TEXT_SIZE];

        token_draw(record.id, text, record.secret_hash);
        snprintf(record.owner, ID_SIZE, "member-%u", i % MEMBERS);
        directory_put(directory, &record);
    }
    bytes = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before);
    print(bench, "memory of 100,000 tokens", bytes / (1 << 20), "MiB", MEMORY_GOAL_MIB);
    directory_destroy(&directory);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};

    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0) {
            bench.json = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            bench.quick = true;
        } else {
            fprintf(stderr, "usage: bench_policy [--quick] [--json]\n");
            return 2;
        }
    bench_tokens(&bench); /* first: before other memory comes and goes */
    bench_decisions(&bench);
    bench_check(&bench);
    return bench.missed ? 1 : 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Lookups in a directory of 100,000 tokens: from the header's text to a principal, step by step.
 * Prints one line a step: nanoseconds of this thread each, the best of some rounds, so that what
 * else the machine does counts little; and the memory of the directory. */
#include "auth/directory.h"
#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TOKENS = 100000, LOOKUPS = 400000, HOT = 4096, ROUNDS = 9 };

struct token_kept {
    char value[16 + TOKEN_TEXT_SIZE]; /* the header */
    struct credential credential;
};

static void fill(struct directory *directory, struct token_kept *kept)
{
    for (unsigned i = 0; i < TOKENS; i++) {
        struct token_record record = {.owner_kind = OWNER_MEMBER, .created_ms = 1};
        char text[TOKEN_TEXT_SIZE];

        token_draw(record.id, text, record.secret_hash);
        snprintf(record.owner, ID_SIZE, "member-%u", i % 10000);
        snprintf(kept[i].value, sizeof(kept[i].value), "Bearer %s", text);
        directory_put(directory, &record);
    }
}

struct bench {
    struct directory *directory;
    struct directory_view *reader;
    struct token_kept *kept;
    struct principal facts;
};

static uint64_t thread_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void measure(struct bench *bench, const char *what, void (*step)(struct bench *, unsigned))
{
    uint64_t best = UINT64_MAX;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begin = thread_ns(), took;

        for (unsigned i = 0; i < LOOKUPS; i++)
            step(bench, i);
        took = thread_ns() - begin;
        best = took < best ? took : best;
    }
    printf("%-44s %8.1f ns\n", what, (double)best / LOOKUPS);
}

static void parse(struct bench *bench, unsigned i)
{
    struct token_kept *kept = &bench->kept[i % TOKENS];
    struct error err = {0};

    if (!credential_parse(slice_of(kept->value), &kept->credential, &err))
        abort();
}

static void find(struct bench *bench, unsigned n)
{
    struct directory_token token;

    if (directory_authenticate(bench->reader, &bench->kept[n].credential, 1000, &token) !=
        DIRECTORY_FOUND)
        abort();
}

static void find_hot(struct bench *bench, unsigned i)
{
    find(bench, i % HOT);
}

/* In an order that no prefetcher guesses: nearly every lookup misses the caches. */
static void find_any(struct bench *bench, unsigned i)
{
    find(bench, (unsigned)(i * UINT64_C(7919) % TOKENS));
}

static void check(struct bench *bench, unsigned i)
{
    if (directory_check(bench->reader, &bench->facts, 1000) != DIRECTORY_FOUND)
        abort();
}

static void make_principal(struct bench *bench, unsigned i)
{
    const struct principal *copy = principal_create(&bench->facts);

    principal_unref(&copy);
}

int main(void)
{
    struct bench bench = {.directory = directory_create()};
    struct directory_token token;
    struct directory_counters counters;

    bench.kept = memory_resize_array(NULL, TOKENS, sizeof(*bench.kept));
    bench.reader = directory_view_create(bench.directory);
    fill(bench.directory, bench.kept);
    measure(&bench, "parse a header, hash its secret", parse);
    measure(&bench, "find one of 4,096 tokens in use", find_hot);
    measure(&bench, "find one of 100,000 tokens in use", find_any);
    if (directory_authenticate(bench.reader, &bench.kept[0].credential, 1000, &token) !=
        DIRECTORY_FOUND)
        abort();
    directory_token_describe(&token, &bench.facts);
    measure(&bench, "make and free a principal", make_principal);
    measure(&bench, "check a principal, nothing taken away", check);
    directory_end_sessions(bench.directory, PRINCIPAL_MEMBER, SLICE("somebody-else"));
    measure(&bench, "check a principal, something taken away", check);
    counters = directory_counters(bench.directory);
    printf("%-44s %8.1f MiB\n", "memory of 100,000 tokens", (double)counters.bytes / (1 << 20));
    directory_view_destroy(&bench.reader);
    directory_destroy(&bench.directory);
    free(bench.kept);
    return 0;
}

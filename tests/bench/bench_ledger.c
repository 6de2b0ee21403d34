// SPDX-License-Identifier: Apache-2.0
/* The ledger in FOLDER (made, and left behind): durable transactions one by one, and with many
 * waiting at once, as a busy gateway has them. Prints rates, and how many shared a commit. */
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALONE = 300, TOGETHER = 20000, IN_FLIGHT = 256 };

struct bench {
    struct store *store;
    struct loop *loop;
    unsigned started, done;
};

static struct transaction *make_add(unsigned n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct transaction *add = transaction_create(TRANSACTION_TOKEN_ADD);
    struct token_record *record = &add->token_add.record;
    uint64_t spread = (n + 1) * UINT64_C(0x9e3779b97f4a7c15); /* ids come in no order */

    for (int i = 0; i < TOKEN_ID_SIZE - 1; i++, spread >>= 5)
        record->id[i] = letters[spread % 32];
    record->owner_kind = OWNER_MEMBER;
    snprintf(record->owner, ID_SIZE, "member-%u", n % 1000);
    return add;
}

static void check(const struct transaction *transaction)
{
    if (transaction->err.code == ERROR_NONE)
        return;
    fprintf(stderr, "bench_ledger: %s\n", transaction->err.text);
    exit(1);
}

static void on_done(void *bench_, struct transaction *transaction)
{
    struct bench *bench = bench_;

    check(transaction);
    bench->done++;
}

static void run_alone(struct bench *bench)
{
    uint64_t begin_us = clock_us();
    struct error err = {0};

    for (unsigned i = 0; i < ALONE; i++) {
        struct transaction *add = make_add(bench->started++);

        if (!store_run(bench->store, add, &err))
            check(add);
        transaction_destroy(&add);
    }
    printf("one by one          %8.0f a second, %.2f ms each\n",
           ALONE * 1e6 / (double)(clock_us() - begin_us),
           (double)(clock_us() - begin_us) / 1000 / ALONE);
}

static void run_together(struct bench *bench)
{
    uint64_t groups = store_counters(bench->store).groups;
    uint64_t begin_us = clock_us();
    unsigned first = bench->started;
    struct error err = {0};

    while (bench->done < TOGETHER) {
        while (bench->started - first < TOGETHER &&
               bench->started - first - bench->done < IN_FLIGHT)
            if (!store_start(bench->store, bench->loop, make_add(bench->started++), on_done, bench,
                             &err))
                exit(1);
        loop_turn(bench->loop, 10);
    }
    printf("%d waiting at once %8.0f a second, %.0f in a commit\n", IN_FLIGHT,
           TOGETHER * 1e6 / (double)(clock_us() - begin_us),
           (double)TOGETHER / (double)(store_counters(bench->store).groups - groups));
}

int main(int argc, char **argv)
{
    struct bench bench = {.loop = loop_create(NULL)};
    struct store_settings settings = {.folder = argc > 1 ? argv[1] : NULL};
    struct error err = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: bench_ledger FOLDER\n");
        return 2;
    }
    if (!store_open(&bench.store, &settings, &err)) {
        fprintf(stderr, "bench_ledger: %s\n", err.text);
        return 1;
    }
    run_alone(&bench);
    run_together(&bench);
    store_close(&bench.store);
    loop_destroy(&bench.loop);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* The ledger with many pins: `bench_pins FOLDER [PINS]`, 100,000 of 1,000 members unless said
 * otherwise. FOLDER is made and left there: the disk below it is what is measured. One that is
 * there already is only read.
 *
 * Prints what the disk does (fdatasync of 4 KiB appended, one after the other), then durable pin
 * transactions a second with 64 callers that wait each for its own, the whole filling, one member's
 * pins in pages, and a recount. */
#include "conf/memory.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMBERS = 1000,
    CALLERS = 64,
    FILLERS = 5000,
    SAMPLE_MAX = 20000,
    SYNC_SECONDS = 2,
    LIST_ROUNDS = 50,
    LIST_PAGE = 250
};

struct bench {
    struct store *store;
    struct loop *loop;
    unsigned next, end; /* pins */
    unsigned under_way;
};

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void stop(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static double syncs_per_second(const char *folder)
{
    static char block[4096];
    struct text path = {0};
    unsigned count = 0;
    double begin;
    int fd;

    text_put_format(&path, "%s/sync", folder);
    fd = open(path.data, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    begin = seconds();
    while (seconds() - begin < SYNC_SECONDS) {
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fdatasync(fd) != 0) {
            perror(path.data);
            exit(1);
        }
        count++;
    }
    close(fd);
    unlink(path.data);
    text_dispose(&path);
    return count / (double)SYNC_SECONDS;
}

/* ---- pins: an intent, then its confirmation */

static void member_of(struct owner *owner, unsigned n)
{
    owner->kind = OWNER_MEMBER;
    snprintf(owner->id, sizeof(owner->id), "member-%u", n % MEMBERS);
}

static struct transaction *add_of(unsigned n)
{
    struct transaction *add = transaction_create(TRANSACTION_PIN_ADD);
    struct pin_record *record = &add->pin_add.record;
    char key[64];

    snprintf(record->id, sizeof(record->id), "%026u", n);
    member_of(&record->owner, n);
    snprintf(key, sizeof(key), "%08x an object's key of 36 bytes", n * 2654435761U);
    record->key = transaction_copy(add, slice_of(key));
    record->wanted = PIN_RECURSIVE;
    record->state = PIN_QUEUED;
    record->cid = SLICE("bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34");
    record->name = SLICE("backup");
    record->created_ms = n;
    return add;
}

static struct transaction *confirm_of(const char *id)
{
    struct transaction *confirm = transaction_create(TRANSACTION_PIN_CONFIRM);

    memcpy(confirm->pin_confirm.id, id, ULID_SIZE);
    confirm->pin_confirm.mode = PIN_RECURSIVE;
    confirm->pin_confirm.bytes = 1000;
    return confirm;
}

static void start(struct bench *bench, struct transaction *transaction, store_done_cb on_done)
{
    struct error err = {0};

    if (!store_start(bench->store, bench->loop, transaction, on_done, bench, &err))
        stop(&err);
    bench->under_way++;
}

static void on_confirmed(void *arg, struct transaction *transaction);

static void on_added(void *bench_, struct transaction *transaction)
{
    struct bench *bench = bench_;

    bench->under_way--;
    if (transaction->err.code != ERROR_NONE)
        stop(&transaction->err);
    start(bench, confirm_of(transaction->pin_add.record.id), on_confirmed);
}

static void on_confirmed(void *bench_, struct transaction *transaction)
{
    struct bench *bench = bench_;

    bench->under_way--;
    if (transaction->err.code != ERROR_NONE)
        stop(&transaction->err);
    if (bench->next < bench->end)
        start(bench, add_of(bench->next++), on_added);
}

/* Returns transactions a second. */
static double pin(struct bench *bench, unsigned count, unsigned callers)
{
    double begin = seconds();

    bench->end = bench->next + count;
    for (unsigned i = 0; i < callers && bench->next < bench->end; i++)
        start(bench, add_of(bench->next++), on_added);
    while (bench->under_way > 0)
        loop_turn(bench->loop, 1000);
    return 2.0 * count / (seconds() - begin);
}

/* ---- reading */

/* Milliseconds of one member's whole list. */
static double list(struct bench *bench, unsigned n, size_t *count)
{
    double begin = seconds();
    char after[ULID_SIZE] = "";
    bool has_more = true;

    for (*count = 0; has_more;) {
        struct transaction *page = transaction_create(TRANSACTION_PIN_LIST);
        struct pin_list *in = &page->pin_list;
        struct error err = {0};

        member_of(&in->owner, n);
        memcpy(in->after, after, sizeof(after));
        in->limit = LIST_PAGE;
        if (!store_run(bench->store, page, &err))
            stop(&err);
        has_more = in->has_more;
        *count += in->count;
        if (in->count > 0)
            memcpy(after, in->records[in->count - 1].id, sizeof(after));
        transaction_destroy(&page);
    }
    return 1000 * (seconds() - begin);
}

static void measure_lists(struct bench *bench)
{
    double first = list(bench, 1, &(size_t){0}), worst = 0, sum = 0;
    size_t count = 0;

    for (unsigned i = 0; i < LIST_ROUNDS; i++) {
        double took = list(bench, i * 17 + 2, &count);

        worst = took > worst ? took : worst;
        sum += took;
    }
    printf("%-44s %8.2f ms (first %.2f, mean %.2f), %zu pins\n", "one member's list, the worst",
           worst, first, sum / LIST_ROUNDS, count);
}

static void measure_recount(struct bench *bench)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    double begin = seconds();
    struct error err = {0};

    if (!store_run(bench->store, recount, &err))
        stop(&err);
    printf("%-44s %8.2f s, %llu of %llu accounts differ\n", "recount", seconds() - begin,
           (unsigned long long)recount->usage_recount.different,
           (unsigned long long)recount->usage_recount.accounts);
    transaction_destroy(&recount);
}

static void measure_writes(struct bench *bench, double syncs, unsigned pins)
{
    unsigned sample = pins / 10 < SAMPLE_MAX ? pins / 10 : SAMPLE_MAX;
    double durable = pin(bench, sample, CALLERS);

    printf("%-44s %8.0f /s\n", "fdatasync of 4 KiB", syncs);
    printf("%-44s %8.0f /s, %.1f x the disk's\n", "durable pin transactions, 64 callers", durable,
           durable / syncs);
    printf("%-44s %8.0f /s, %u pins\n", "filling, 5,000 callers",
           pin(bench, pins - sample, FILLERS), pins);
}

int main(int argc, char **argv)
{
    unsigned pins = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100000;
    struct store_settings settings = {.folder = argc > 1 ? argv[1] : NULL,
                                      .queue_max = (size_t)2 * FILLERS,
                                      .group_max = FILLERS};
    struct bench bench = {.loop = loop_create(NULL)};
    struct error err = {0};
    struct rusage usage;
    bool is_new;

    if (settings.folder == NULL || pins < 10) {
        fprintf(stderr, "usage: bench_pins FOLDER [PINS]\n");
        return 2;
    }
    is_new = mkdir(settings.folder, 0700) == 0;
    if (is_new) {
        double syncs = syncs_per_second(settings.folder);

        if (!store_open(&bench.store, &settings, &err))
            stop(&err);
        measure_writes(&bench, syncs, pins);
    } else if (!store_open(&bench.store, &settings, &err)) {
        stop(&err);
    }
    measure_lists(&bench);
    measure_recount(&bench);
    getrusage(RUSAGE_SELF, &usage);
    printf("%-44s %8.1f MiB\n", "peak memory", (double)usage.ru_maxrss / 1024);
    store_close(&bench.store);
    loop_turn(bench.loop, 0);
    loop_destroy(&bench.loop);
    return 0;
}

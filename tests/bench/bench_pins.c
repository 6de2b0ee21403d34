// SPDX-License-Identifier: Apache-2.0
/* The ledger with many pins: `bench_pins [--json] FOLDER [PINS]`, 100,000 of 1,000 members unless
 * said otherwise. FOLDER is made and left there: the disk below it is what is measured. One that is
 * there already is only read.
 *
 * Fills the ledger, member by member. Prints what the disk does (fdatasync of 4 KiB appended, one
 * after the other), then durable pin transactions a second of any members on any objects, with 64
 * callers that wait each for its own, then one member's pins in pages, and a recount. */
#include "conf/memory.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    unsigned per_member; /* pins in a row that are one member's; 0: members take turns */
    bool json;
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

/* A figure, and what stands beside it: at most (is_below) or at least goal times that. */
static void show(const struct bench *bench, const char *name, double value, const char *unit,
                 const char *peer, double peer_value, bool is_below, double goal)
{
    if (bench->json)
        printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":\"%s\","
               "\"peer_value\":%.3f,\"below\":%s,\"goal\":%.1f}\n",
               name, value, unit, peer, peer_value, is_below ? "true" : "false", goal);
    else
        printf("%-48s %10.2f %s (%s: %.2f)\n", name, value, unit, peer, peer_value);
}

static struct transaction *add_of(const struct bench *bench, unsigned n)
{
    unsigned in_order = bench->per_member;

    struct transaction *add = transaction_create(TRANSACTION_PIN_ADD);
    struct pin_record *record = &add->pin_add.record;
    char key[64];

    snprintf(record->id, sizeof(record->id), "%026u", n);
    member_of(&record->owner, in_order > 0 ? n / in_order : n);
    snprintf(key, sizeof(key), "%08x an object's key of 36 bytes",
             in_order > 0 ? n : n * 2654435761U);
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
        start(bench, add_of(bench, bench->next++), on_added);
}

/* Returns transactions a second. */
static double pin(struct bench *bench, unsigned count, unsigned callers)
{
    double begin = seconds();

    bench->end = bench->next + count;
    for (unsigned i = 0; i < callers && bench->next < bench->end; i++)
        start(bench, add_of(bench, bench->next++), on_added);
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
    double worst = 0;
    size_t count = 0;

    (void)list(bench, 1, &count);
    for (unsigned i = 0; i < LIST_ROUNDS; i++) {
        double took = list(bench, i * 17 + 2, &count);

        worst = took > worst ? took : worst;
    }
    if (!bench->json)
        printf("%-48s %10zu\n", "pins of that member", count);
    show(bench, "one member's pins, the worst of 50 lists", worst, "ms", "what is allowed", 20,
         true, 1);
}

static void measure_recount(struct bench *bench)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    double begin = seconds();
    struct error err = {0};

    if (!store_run(bench->store, recount, &err))
        stop(&err);
    if (recount->usage_recount.different > 0) {
        fprintf(stderr, "the usage of %llu accounts is wrong\n",
                (unsigned long long)recount->usage_recount.different);
        exit(1);
    }
    show(bench, "recount of all pins", seconds() - begin, "s", "what is allowed", 2, true, 1);
    transaction_destroy(&recount);
}

/* The disk's syncs right before, since others use it too. */
static void measure_writes(struct bench *bench, const char *folder, unsigned pins)
{
    double syncs;
    unsigned sample = pins / 10 < SAMPLE_MAX ? pins / 10 : SAMPLE_MAX;

    bench->per_member = pins / MEMBERS > 0 ? pins / MEMBERS : 1;
    (void)pin(bench, pins - sample, FILLERS);
    bench->per_member = 0;
    syncs = syncs_per_second(folder);
    show(bench, "durable pin transactions, 64 callers", pin(bench, sample, CALLERS), "/s",
         "fdatasyncs of the disk", syncs, false, 5);
}

static void measure(struct bench *bench, const char *folder, unsigned pins)
{
    struct store_settings settings = {
        .folder = folder, .queue_max = (size_t)2 * FILLERS, .group_max = FILLERS};
    bool is_new = mkdir(folder, 0700) == 0;
    struct error err = {0};
    struct rusage usage;

    if (!store_open(&bench->store, &settings, &err))
        stop(&err);
    if (is_new)
        measure_writes(bench, folder, pins);
    measure_lists(bench);
    measure_recount(bench);
    getrusage(RUSAGE_SELF, &usage);
    show(bench, "memory of that, at most", (double)usage.ru_maxrss / 1024, "MiB", "what is allowed",
         128, true, 1);
    store_close(&bench->store);
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int first = json ? 2 : 1;
    unsigned pins = argc > first + 1 ? (unsigned)strtoul(argv[first + 1], NULL, 10) : 100000;
    struct bench bench = {.loop = loop_create(NULL), .json = json};

    if (argc <= first || pins < 10) {
        fprintf(stderr, "usage: bench_pins [--json] FOLDER [PINS]\n");
        return 2;
    }
    measure(&bench, argv[first], pins);
    loop_turn(bench.loop, 0);
    loop_destroy(&bench.loop);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* `bench_blocks FOLDER [MANY]`: the block store in FOLDER (made, and left behind) as an import,
 * reads and a garbage collection use it: blocks are made, hashed and put with 8 MiB under way,
 * read at random from the page cache, opened with MANY more (a million), removed and compacted. */
#include "conf/memory.h"
#include "ipfs/hash.h"
#include "upstream/embedded/blocks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { UNDER_WAY_MAX = 8 << 20, READS = 10000, NOISE = 5 << 20 };

struct bench {
    struct blocks_settings settings;
    struct blocks *blocks;
    struct loop *loop;
    char *noise, *block;
    size_t under_way; /* bytes of writes, or reads */
    uint64_t hash_us, found;
    struct blocks_written written;
};

struct asked {
    struct bench *bench;
    size_t size;
};

static void stop(const struct error *err)
{
    fprintf(stderr, "bench_blocks: %s\n", err->text);
    exit(1);
}

static void on_written(void *asked_, const struct blocks_written *result, const struct error *err)
{
    struct asked *asked = asked_;

    if (err != NULL)
        stop(err);
    asked->bench->written = *result;
    asked->bench->under_way -= asked->size;
    free(asked);
}

static void on_found(void *asked_, const struct block_found *found, size_t count,
                     const struct error *err)
{
    struct asked *asked = asked_;

    if (err != NULL)
        stop(err);
    for (size_t i = 0; i < count; i++)
        asked->bench->found += found[i].state == ERROR_NONE;
    asked->bench->under_way -= asked->size;
    free(asked);
}

static struct asked *ask(struct bench *bench, size_t size, size_t most)
{
    struct asked *asked = memory_alloc(sizeof(*asked));

    while (bench->under_way > 0 && bench->under_way + size > most)
        loop_turn(bench->loop, 100);
    *asked = (struct asked){bench, size};
    bench->under_way += size;
    return asked;
}

static void finish(struct bench *bench)
{
    while (bench->under_way > 0)
        loop_turn(bench->loop, 100);
}

/* Block n of this size, the same each time. */
static struct slice make(struct bench *bench, uint64_t n, size_t size, struct cid *cid)
{
    struct slice block = {bench->block, size};
    uint64_t begin_us;

    memcpy(bench->block, bench->noise + n % 4096, size);
    memcpy(bench->block, &n, sizeof(n));
    begin_us = clock_us();
    hash_make_cid(cid, 1, CODEC_RAW, HASH_SHA2_256, block);
    bench->hash_us += clock_us() - begin_us;
    return block;
}

static double since(uint64_t begin_us)
{
    return (double)(clock_us() - begin_us) / 1e6;
}

static void start(struct bench *bench, struct blocks_write *write)
{
    struct asked *asked = ask(bench, blocks_write_size(write) + 1, UNDER_WAY_MAX);
    struct error err = {0};

    if (!blocks_write_start(bench->blocks, bench->loop, write, on_written, asked, &err))
        stop(&err);
}

static void time_put(struct bench *bench, uint64_t first, uint64_t count, size_t size)
{
    struct blocks_write *write = blocks_write_create();
    uint64_t begin_us = clock_us(), groups = blocks_totals(bench->blocks).groups;
    struct error err = {0};
    double took;

    bench->hash_us = 0;
    for (uint64_t n = 0; n < count; n++) {
        struct cid cid;
        struct slice block = make(bench, first + n, size, &cid);

        if (!blocks_write_put(write, &cid, block, &err))
            stop(&err);
        if (blocks_write_size(write) >= 1 << 20 || n + 1 == count) {
            start(bench, write);
            write = blocks_write_create();
        }
    }
    blocks_write_destroy(&write);
    finish(bench);
    took = since(begin_us);
    printf("put %8" PRIu64
           " of %7zu bytes %8.2f s %6.0f MiB/s %8.0f a second; hashing %.2f s; %" PRIu64 " syncs\n",
           count, size, took, (double)count * (double)size / 1048576 / took, (double)count / took,
           (double)bench->hash_us / 1e6, blocks_totals(bench->blocks).groups - groups);
}

static void time_get(struct bench *bench, enum blocks_mode mode, uint64_t first, uint64_t count,
                     size_t size)
{
    uint64_t begin_us, many = (1 << 20) / size < 64 ? (1 << 20) / size : 64;
    struct blocks_read **reads = memory_alloc(READS * sizeof(struct blocks_read *));
    size_t read_count = 0;
    struct error err = {0};

    for (uint64_t i = 0; i < READS; i++) {
        struct cid cid;

        if (i % many == 0)
            reads[read_count++] = blocks_read_create(mode);
        make(bench, first + i * UINT64_C(2654435761) % count, size, &cid);
        blocks_read_add(reads[read_count - 1], &cid);
    }
    bench->found = 0;
    begin_us = clock_us();
    for (size_t i = 0; i < read_count; i++)
        if (!blocks_read_start(bench->blocks, bench->loop, reads[i], on_found, ask(bench, 1, 8),
                               &err))
            stop(&err);
    finish(bench);
    printf("%s    %d of %7zu bytes %8.2f s %6.0f MiB/s %8.0f a second\n",
           mode == BLOCKS_CHECKED ? "check" : "get  ", READS, size, since(begin_us),
           READS * (double)size / 1048576 / since(begin_us), READS / since(begin_us));
    if (bench->found != READS)
        exit(1);
    free(reads);
}

static void reopen(struct bench *bench)
{
    struct error err = {0};
    struct blocks_opened opened;
    struct blocks_totals totals;
    uint64_t begin_us;

    blocks_close(&bench->blocks);
    begin_us = clock_us();
    if (!blocks_open(&bench->blocks, &bench->settings, &opened, &err))
        stop(&err);
    totals = blocks_totals(bench->blocks);
    printf("open%s with %" PRIu64 " blocks, %" PRIu64 " MiB, %" PRIu64 " segments: %.4f s\n",
           opened.was_rebuilt ? " without an index" : "", totals.count, totals.bytes >> 20,
           totals.segments, since(begin_us));
}

/* As after the loss of the index: all is read and hashed. */
static void time_rebuild(struct bench *bench)
{
    struct text path = {0};

    blocks_close(&bench->blocks);
    text_put_format(&path, "%s/index.db", bench->settings.folder);
    unlink(path.data);
    text_dispose(&path);
    reopen(bench);
}

static void time_remove(struct bench *bench, uint64_t first, uint64_t count, size_t size)
{
    struct blocks_write *write = blocks_write_create();
    uint64_t begin_us = clock_us();

    for (uint64_t n = 0; n < count; n++) {
        struct cid cid;

        make(bench, first + n, size, &cid);
        blocks_write_remove(write, &cid);
        if (n % 1000 == 999 || n + 1 == count) {
            start(bench, write);
            write = blocks_write_create();
        }
    }
    blocks_write_destroy(&write);
    finish(bench);
    printf("remove %" PRIu64 " of %zu bytes %.2f s\n", count, size, since(begin_us));
}

static void time_compact(struct bench *bench)
{
    uint64_t begin_us = clock_us(), freed = 0;

    do {
        struct blocks_write *write = blocks_write_create();

        blocks_write_compact(write);
        start(bench, write);
        finish(bench);
        freed += bench->written.freed_bytes;
    } while (bench->written.may_compact);
    printf("compact: %" PRIu64 " MiB back in %.2f s\n", freed >> 20, since(begin_us));
}

int main(int argc, char **argv)
{
    struct bench bench = {.loop = loop_create(NULL)};
    uint64_t many = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    struct error err = {0};
    struct rusage usage;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_blocks FOLDER [MANY]\n");
        return 2;
    }
    bench.noise = memory_alloc(NOISE);
    bench.block = memory_alloc(BLOCKS_SIZE_MAX);
    for (size_t i = 0; i < NOISE; i++)
        bench.noise[i] = (char)(i * 2654435761U >> 13);
    bench.settings = (struct blocks_settings){.folder = argv[1], .jobs = jobs_create(2, 1000)};
    if (!blocks_open(&bench.blocks, &bench.settings, NULL, &err))
        stop(&err);
    time_put(&bench, 0, 4096, 256 << 10);
    time_put(&bench, 1 << 20, 1024, 1 << 20);
    time_put(&bench, 2 << 20, 100000, 1024);
    time_get(&bench, BLOCKS_DATA, 0, 4096, 256 << 10);
    time_get(&bench, BLOCKS_CHECKED, 0, 4096, 256 << 10);
    time_get(&bench, BLOCKS_DATA, 2 << 20, 100000, 1024);
    time_get(&bench, BLOCKS_SIZE, 2 << 20, 100000, 1024);
    time_put(&bench, 8 << 20, many, 64);
    reopen(&bench);
    time_get(&bench, BLOCKS_DATA, 8 << 20, many, 64);
    time_remove(&bench, 0, 2560, 256 << 10);
    time_remove(&bench, 2 << 20, 60000, 1024);
    time_compact(&bench);
    time_rebuild(&bench);
    getrusage(RUSAGE_SELF, &usage);
    printf("memory at most %ld MiB, of which the bench's own 9\n", usage.ru_maxrss >> 10);
    blocks_close(&bench.blocks);
    jobs_destroy(&bench.settings.jobs);
    loop_destroy(&bench.loop);
    free(bench.noise);
    free(bench.block);
    return 0;
}

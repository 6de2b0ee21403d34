// SPDX-License-Identifier: Apache-2.0
/* bench_ipfs [--quick] [--json]: how fast links are listed and CARs verified, and what a walk of
 * many blocks remembers. Verification is set beside hashing the same blocks alone, in interleaved
 * rounds; the best round of each counts. --json prints one object a figure. Ends with 1 if a goal
 * is missed. */
#include "conf/memory.h"
#include "ipfs/car.h"
#include "ipfs/car_verify.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/links.h"
#include "ipfs/unixfs_build.h"
#include "ipfs/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB           ((size_t)1 << 20)
#define PIECE         ((size_t)8 << 20) /* as `causeway car verify` reads */
#define GROUP         1000              /* leaves under one node */
#define LINKS_GOAL    500               /* MB/s */
#define VERIFY_GOAL   0.8               /* of hashing alone */
#define MEMORY_GOAL   64                /* MiB for 5,000,000 blocks */
#define CONSTANT_GOAL 64                /* MiB, whatever the size of the CAR */

static const struct cid_set_key key = {{0x0123456789abcdef, 0xfedcba9876543210}};

struct bench {
    bool json, quick, missed;
};

struct figure {
    const char *name, *unit, *peer;
    double value, peer_value, goal;
    bool below; /* the goal is an upper bound */
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* all is computing, on one thread */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print(struct bench *bench, const struct figure *figure)
{
    double ratio = figure->value / figure->peer_value;
    bool met = figure->below ? ratio <= figure->goal : ratio >= figure->goal;

    bench->missed = bench->missed || !met;
    if (bench->json)
        printf(
            "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"peer\":\"%s\",\"peer_value\":%.1f,"
            "\"ratio\":%.3f,\"goal\":%.2f,\"below\":%s}\n",
            figure->name, figure->value, figure->unit, figure->peer, figure->peer_value, ratio,
            figure->goal, figure->below ? "true" : "false");
    else
        printf("%-44s %9.1f %-4s  x%-5.2f of %s, goal %s x%.2f: %s\n", figure->name, figure->value,
               figure->unit, ratio, figure->peer, figure->below ? "at most" : "at least",
               figure->goal, met ? "met" : "MISSED");
    fflush(stdout);
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_ipfs: %s\n", what);
    exit(1);
}

/* The CID of a made-up raw leaf. */
static struct cid leaf_cid(uint64_t number)
{
    struct cid cid;

    hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256,
                  (struct slice){(const char *)&number, sizeof(number)});
    return cid;
}

static bool count_link(void *arg, const struct cid *cid, struct error *err)
{
    ++*(uint64_t *)arg;
    return true;
}

/* Blocks of 174 links each, 4 MiB together: more than the caches next to the processor hold. */
static void bench_links(struct bench *bench, const char *name, int version, bool named)
{
    struct text node = {0};
    double start = now(), best = 1e9;
    uint64_t links = 0;
    size_t blocks;
    char *all;

    for (uint64_t i = 0; i < 174; i++) {
        struct dag_pb_link link = {.has_name = true, .has_tsize = true, .tsize = 262158};
        char word[32];

        link.cid = leaf_cid(i);
        cid_make(&link.cid, version, version == 0 ? CODEC_DAG_PB : CODEC_RAW, HASH_SHA2_256,
                 cid_digest(&link.cid), 32);
        snprintf(word, sizeof(word), "photo-%06d.jpeg", (int)i);
        link.name = named ? slice_of(word) : (struct slice){"", 0};
        dag_pb_put_link(&node, &link);
    }
    blocks = 4 * MIB / node.size;
    all = memory_alloc(blocks * node.size);
    for (size_t i = 0; i < blocks; i++)
        memcpy(all + i * node.size, node.data, node.size);
    while (now() - start < (bench->quick ? 0.3 : 2)) {
        double begin = now();

        for (size_t i = 0; i < blocks; i++)
            if (!links_each(CODEC_DAG_PB, (struct slice){all + i * node.size, node.size},
                            count_link, &links, NULL))
                die("a block cannot be read");
        if (now() - begin < best)
            best = now() - begin;
    }
    print(bench, &(struct figure){.name = name,
                                  .unit = "MB/s",
                                  .peer = "the required speed",
                                  .value = (double)(blocks * node.size) / best / 1e6,
                                  .peer_value = LINKS_GOAL,
                                  .goal = 1});
    free(all);
    text_dispose(&node);
}

/* A file as a CAR: the root is known only at the end, so blocks are kept and written from it. */
struct made {
    struct text blocks; /* of inner nodes and leaves, in the order of the sink */
    struct cid *cids;
    size_t *offsets;
    size_t count, capacity;
};

static bool keep(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct made *made = arg;

    if (made->count == made->capacity) {
        made->capacity = made->capacity * 2 + 64;
        made->cids = memory_resize_array(made->cids, made->capacity, sizeof(*made->cids));
        made->offsets =
            memory_resize_array(made->offsets, made->capacity + 1, sizeof(*made->offsets));
    }
    made->cids[made->count] = *cid;
    made->offsets[made->count++] = made->blocks.size;
    text_put_slice(&made->blocks, block);
    made->offsets[made->count] = made->blocks.size;
    return true;
}

static struct slice block_of(const struct made *made, size_t i)
{
    return (struct slice){made->blocks.data + made->offsets[i],
                          made->offsets[i + 1] - made->offsets[i]};
}

static void make_file(struct made *made, size_t size, struct unixfs_entry *root)
{
    struct unixfs_profile profile = unixfs_profile_v1();
    struct unixfs_file *file = unixfs_file_create(&profile, keep, made);
    char *chunk = memory_alloc(MIB);

    text_reserve(&made->blocks, size + size / 256);
    for (size_t i = 0; i < MIB; i++)
        chunk[i] = (char)(i * 2654435761U >> 13);
    for (size_t at = 0; at < size; at += MIB) {
        for (size_t i = 0; i < MIB; i += 262144)
            memcpy(chunk + i, &(uint64_t){at + i + 1}, 8);
        if (!unixfs_file_write(file, (struct slice){chunk, MIB}, NULL))
            die("the file cannot be made");
    }
    if (!unixfs_file_finish(file, NULL, root, NULL))
        die("the file cannot be made");
    free(chunk);
    unixfs_file_destroy(&file);
}

struct made_source {
    struct block_source source;
    const struct made *made;
    size_t hint; /* leaves are wanted in the order in which they were made */
};

static bool get_made(struct block_source *source, const struct cid *cid, struct slice *block,
                     bool *found, struct error *err)
{
    struct made_source *self = CONTAINER_OF(source, struct made_source, source);

    for (size_t i = 0; i < self->made->count; i++) {
        size_t at = (self->hint + i) % self->made->count;

        if (!cid_equal(&self->made->cids[at], cid))
            continue;
        self->hint = at + 1;
        *block = block_of(self->made, at);
        *found = true;
        return true;
    }
    return false;
}

static bool put_block(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct text *car = arg;

    car_put_section(car, cid, block.size);
    text_put_slice(car, block);
    return true;
}

static void write_car(const struct made *made, const struct cid *root, struct text *car)
{
    struct made_source source = {.source.get = get_made, .made = made};
    struct walk_memory *memory = walk_memory_create(&key, SIZE_MAX);
    struct walk *walk = walk_create(NULL, memory);

    text_reserve(car, made->blocks.size + made->count * 64);
    car_put_header(car, root, 1);
    if (!walk_add_roots(walk, root, 1, NULL) ||
        !walk_run(walk, &source.source, put_block, car, NULL))
        die("the CAR cannot be made");
    walk_destroy(&walk);
    walk_memory_destroy(&memory);
}

static double verify_once(struct slice car)
{
    struct walk_memory *memory = walk_memory_create(&key, SIZE_MAX);
    struct car_verify *verify = car_verify_create(&(struct car_verify_options){0}, memory);
    enum car_verify_event event = CAR_VERIFY_MORE;
    double start = now();

    while (car.size > 0 && event == CAR_VERIFY_MORE) {
        struct slice piece = {car.data, car.size < PIECE ? car.size : PIECE};

        car.data += piece.size;
        car.size -= piece.size;
        do
            event = car_verify_next(verify, &piece, NULL);
        while (event == CAR_VERIFY_HEADER || event == CAR_VERIFY_BLOCK);
    }
    while (event != CAR_VERIFY_BAD && event != CAR_VERIFY_END)
        event = car_verify_finish(verify, NULL);
    start = now() - start;
    if (event != CAR_VERIFY_END)
        die("the CAR does not verify");
    car_verify_destroy(&verify);
    walk_memory_destroy(&memory);
    return start;
}

/* Hashing alone, 64 blocks at a time. */
static double hash_once(const struct made *made)
{
    struct hash_job jobs[64];
    double start = now();
    size_t waiting = 0;

    for (size_t i = 0; i < made->count; i++) {
        jobs[waiting++] = (struct hash_job){.data = block_of(made, i), .code = HASH_SHA2_256};
        if (waiting == ARRAY_SIZE(jobs) || i + 1 == made->count) {
            hash_many(jobs, waiting);
            waiting = 0;
        }
    }
    return now() - start;
}

static void bench_verify(struct bench *bench)
{
    size_t size = bench->quick ? 64 * MIB : 1024 * MIB;
    double best_verify = 1e9, best_hash = 1e9;
    struct made made = {0};
    struct unixfs_entry root;
    struct text car = {0};

    make_file(&made, size, &root);
    write_car(&made, &root.cid, &car);
    for (int round = 0; round < 5; round++) {
        double hash = hash_once(&made), verify = verify_once(text_slice(&car));

        best_hash = hash < best_hash ? hash : best_hash;
        best_verify = verify < best_verify ? verify : best_verify;
    }
    print(bench, &(struct figure){.name = bench->quick ? "verify a CAR of 64 MiB"
                                                       : "verify a CAR of 1 GiB",
                                  .unit = "MB/s",
                                  .peer = "hashing its blocks alone",
                                  .value = (double)size / best_verify / 1e6,
                                  .peer_value = (double)size / best_hash / 1e6,
                                  .goal = VERIFY_GOAL});
    free(made.cids);
    free(made.offsets);
    text_dispose(&made.blocks);
    text_dispose(&car);
}

/* Runs in a process of its own; returns the most memory that it had, in MiB. */
static double memory_of(void (*run)(void *arg), void *arg)
{
    struct rusage usage;
    int status;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        run(arg);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) < 0 || status != 0)
        die("a part did not end well");
    return (double)usage.ru_maxrss / 1024;
}

/* An object of many small blocks, made on the way: a root, nodes of GROUP leaves each. */
struct synthetic {
    uint64_t blocks; /* leaves */
    struct text root, node;
    struct cid *nodes;
    struct cid root_cid;
};

static void make_node(struct synthetic *made, uint64_t group)
{
    text_clear(&made->node);
    for (uint64_t i = 0; i < GROUP; i++)
        dag_pb_put_link(&made->node, &(struct dag_pb_link){.cid = leaf_cid(group * GROUP + i),
                                                           .has_name = true,
                                                           .has_tsize = true,
                                                           .tsize = 8});
}

static void make_root(struct synthetic *made)
{
    made->nodes = memory_resize_array(NULL, made->blocks / GROUP, sizeof(*made->nodes));
    for (uint64_t group = 0; group < made->blocks / GROUP; group++) {
        make_node(made, group);
        hash_make_cid(&made->nodes[group], 1, CODEC_DAG_PB, HASH_SHA2_256, text_slice(&made->node));
        dag_pb_put_link(&made->root, &(struct dag_pb_link){.cid = made->nodes[group]});
    }
    hash_make_cid(&made->root_cid, 1, CODEC_DAG_PB, HASH_SHA2_256, text_slice(&made->root));
}

static void feed(struct car_verify *verify, const struct text *bytes)
{
    struct slice input = text_slice(bytes);
    enum car_verify_event event;

    do
        event = car_verify_next(verify, &input, NULL);
    while (event == CAR_VERIFY_HEADER || event == CAR_VERIFY_BLOCK);
    if (event != CAR_VERIFY_MORE)
        die("the object does not verify");
}

static void verify_synthetic(struct synthetic *made, struct walk_memory *memory)
{
    struct car_verify *verify = car_verify_create(&(struct car_verify_options){0}, memory);
    struct text car = {0};

    car_put_header(&car, &made->root_cid, 1);
    put_block(&car, &made->root_cid, text_slice(&made->root), NULL);
    for (uint64_t group = 0; group < made->blocks / GROUP; group++) {
        make_node(made, group);
        put_block(&car, &made->nodes[group], text_slice(&made->node), NULL);
        for (uint64_t i = group * GROUP; i < (group + 1) * GROUP; i++) {
            struct cid cid = leaf_cid(i);

            put_block(&car, &cid, (struct slice){(const char *)&i, sizeof(i)}, NULL);
        }
        feed(verify, &car);
        text_clear(&car);
    }
    while (car_verify_finish(verify, NULL) == CAR_VERIFY_BLOCK)
        ;
    if (car_verify_stats(verify)->blocks != made->blocks + made->blocks / GROUP + 1)
        die("the object does not verify");
    car_verify_destroy(&verify);
    text_dispose(&car);
}

static void run_synthetic(void *arg)
{
    struct walk_memory *memory = walk_memory_create(&key, SIZE_MAX);
    struct synthetic made = {.blocks = *(uint64_t *)arg};

    make_root(&made);
    verify_synthetic(&made, memory);
    walk_memory_destroy(&memory);
    free(made.nodes);
    text_dispose(&made.root);
    text_dispose(&made.node);
}

/* The process has some memory before it begins, and the names of the nodes: what a walk of hardly
 * any blocks takes is taken off. */
static void bench_memory(struct bench *bench)
{
    uint64_t blocks = bench->quick ? 500000 : 5000000, few = GROUP;
    double goal = bench->quick ? MEMORY_GOAL / 10.0 + 1 : MEMORY_GOAL;
    size_t nodes = blocks / GROUP * sizeof(struct cid);
    double base = memory_of(run_synthetic, &few);

    print(bench, &(struct figure){.name = bench->quick ? "memory to verify 500,000 blocks"
                                                       : "memory to verify 5,000,000 blocks",
                                  .unit = "MiB",
                                  .peer = "the memory allowed",
                                  .value = memory_of(run_synthetic, &blocks) - base -
                                           (double)nodes / (double)MIB,
                                  .peer_value = goal,
                                  .goal = 1,
                                  .below = true});
}

static void run_file(void *arg)
{
    const char *path = arg;
    struct walk_memory *memory = walk_memory_create(&key, SIZE_MAX);
    struct car_verify *verify = car_verify_create(&(struct car_verify_options){0}, memory);
    struct text piece = {0};
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        die("the CAR cannot be opened");
    do {
        text_clear(&piece);
        piece.size = fread(text_reserve(&piece, PIECE), 1, PIECE, file);
        if (piece.size > 0)
            feed(verify, &piece);
    } while (piece.size > 0);
    fclose(file);
    while (car_verify_finish(verify, NULL) == CAR_VERIFY_BLOCK)
        ;
    car_verify_destroy(&verify);
    walk_memory_destroy(&memory);
    text_dispose(&piece);
}

/* The CAR comes through a pipe from a process that makes it, so that none of it is this one's. */
static void bench_constant(struct bench *bench)
{
    char path[] = "/tmp/bench-ipfs-XXXXXX";
    int descriptor = mkstemp(path);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    pid_t child;
    int status;

    if (file == NULL)
        die("no temporary file");
    child = fork();
    if (child == 0) {
        struct made made = {0};
        struct unixfs_entry root;
        struct text car = {0};

        make_file(&made, bench->quick ? 64 * MIB : 1024 * MIB, &root);
        write_car(&made, &root.cid, &car);
        _exit(fwrite(car.data, 1, car.size, file) == car.size && fclose(file) == 0 ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        die("the CAR cannot be written");
    fclose(file);
    print(bench, &(struct figure){.name = bench->quick ? "memory to verify a CAR of 64 MiB"
                                                       : "memory to verify a CAR of 1 GiB",
                                  .unit = "MiB",
                                  .peer = "the memory allowed",
                                  .value = memory_of(run_file, path),
                                  .peer_value = CONSTANT_GOAL,
                                  .goal = 1,
                                  .below = true});
    unlink(path);
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
            fprintf(stderr, "usage: bench_ipfs [--quick] [--json]\n");
            return 2;
        }
    bench_constant(&bench); /* first: before this process has grown */
    bench_memory(&bench);
    bench_links(&bench, "links of dag-pb, a file's node of CIDv0", 0, false);
    bench_links(&bench, "links of dag-pb, a file's node of CIDv1", 1, false);
    bench_links(&bench, "links of dag-pb, a directory of names", 1, true);
    bench_verify(&bench);
    return bench.missed ? 1 : 0;
}

// SPDX-License-Identifier: Apache-2.0
/* `bench_walk FOLDER`, twice: what commands cost that go through a whole object. The first run
 * makes a node in FOLDER with an object of 1 GiB in blocks of 256 KiB, one of 100,000 of 1 KiB, and
 * one of a million of 64 bytes; the second, whose memory is told, runs dag/stat and dag/export on
 * each, slice by slice on one thread; output is thrown away. */
#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/task_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { LINKS = 174, NOISE = 4 << 20, GROUP_MAX = 8 << 20 };

static const struct object {
    const char *name;
    uint32_t seed, count, size;
} objects[] = {
    {"1 GiB in 256 KiB", 1, 4096, 256 << 10},
    {"100,000 of 1 KiB", 2, 100000, 1024},
    {"1,000,000 of 64 B", 3, 1000000, 64},
};

static void stop(const struct error *err)
{
    fprintf(stderr, "bench_walk: %s\n", err->text);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- making */

struct maker {
    struct node *node;
    struct loop *loop;
    struct blocks_write *write; /* NULL: the next block begins one */
    bool is_done;
    char *noise;
};

static void on_written(void *maker_, const struct blocks_written *result, const struct error *err)
{
    struct maker *maker = maker_;

    maker->is_done = true;
    if (err != NULL)
        stop(err);
}

static void flush(struct maker *maker)
{
    struct error err = {0};

    if (maker->write == NULL)
        return;
    maker->is_done = false;
    if (!blocks_write_start(maker->node->blocks, maker->loop, maker->write, on_written, maker,
                            &err))
        stop(&err);
    while (!maker->is_done)
        loop_turn(maker->loop, 100);
    maker->write = NULL;
}

static struct cid put(struct maker *maker, uint64_t codec, struct slice block)
{
    struct error err = {0};
    struct cid cid;

    hash_make_cid(&cid, 1, codec, HASH_SHA2_256, block);
    if (maker->write == NULL)
        maker->write = blocks_write_create();
    if (!blocks_write_put(maker->write, &cid, block, &err))
        stop(&err);
    if (blocks_write_size(maker->write) > GROUP_MAX)
        flush(maker);
    return cid;
}

/* A node for each LINKS of these, in their place. Returns how many there are. */
static uint32_t put_parents(struct maker *maker, struct cid *cids, uint32_t count)
{
    struct text block = {0};
    uint32_t parents = 0;

    for (uint32_t i = 0; i < count; parents++) {
        text_clear(&block);
        for (uint32_t end = i + LINKS; i < count && i < end; i++)
            dag_pb_put_link(
                &block, &(struct dag_pb_link){.cid = cids[i], .has_name = true, .has_tsize = true});
        cids[parents] = put(maker, CODEC_DAG_PB, text_slice(&block));
    }
    text_dispose(&block);
    return parents;
}

static struct cid make(struct maker *maker, const struct object *object)
{
    struct cid *cids = memory_resize_array(NULL, object->count, sizeof(*cids)), root;
    uint32_t count = object->count;

    for (uint32_t i = 0; i < count; i++) {
        char *block = maker->noise + i % 1024;

        memcpy(block, &i, sizeof(i));
        memcpy(block + sizeof(i), &object->seed, sizeof(object->seed));
        cids[i] = put(maker, CODEC_RAW, (struct slice){block, object->size});
    }
    while (count > 1)
        count = put_parents(maker, cids, count);
    flush(maker);
    root = cids[0];
    free(cids);
    return root;
}

static void make_all(struct maker *maker, const char *folder)
{
    struct text path = {0}, root = {0};
    FILE *roots;

    maker->noise = memory_alloc(NOISE);
    for (size_t i = 0; i < NOISE; i++)
        maker->noise[i] = (char)(i * 2654435761U >> 13);
    text_put_format(&path, "%s/roots", folder);
    roots = fopen(path.data, "w");
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        struct cid cid = make(maker, &objects[i]);

        text_clear(&root);
        cid_print(&cid, CID_BASE_DEFAULT, &root);
        fprintf(roots, "%s\n", root.data);
    }
    fclose(roots);
    free(maker->noise);
    text_dispose(&path);
    text_dispose(&root);
}

/* ---- measuring */

static void run(struct node *node, const struct task_command *command, const char *target,
                const struct object *object)
{
    struct task_frame frame;
    struct error err = {0};
    struct call *call;
    uint64_t bytes = 0;
    double start = now_s(), worst = 0, took;
    enum task_step step;

    if (!call_parse(&call, slice_of(target), false, &err))
        stop(&err);
    task_frame_init(&frame, node, command, call);
    do {
        double slice = now_s();

        step = task_frame_run(&frame, &err);
        if (now_s() - slice > worst)
            worst = now_s() - slice;
        bytes += frame.task.out.size;
        text_clear(&frame.task.out);
    } while (step == TASK_GO_ON);
    if (step != TASK_DONE)
        stop(&err);
    took = now_s() - start;
    printf("%-20s %-40.40s %7.2f s %9.0f blocks/s %7.0f MiB/s, slices <= %.0f ms, %" PRIu64
           " bytes out\n",
           object->name, target + strlen("/api/v0/"), took, object->count / took,
           (double)object->count * object->size / took / (1 << 20), worst * 1e3, bytes);
    task_frame_dispose(&frame);
    call_destroy(&call);
}

static void measure(struct node *node, FILE *roots)
{
    char root[256], target[512];

    for (size_t i = 0; i < ARRAY_SIZE(objects) && fgets(root, sizeof(root), roots) != NULL; i++) {
        root[strcspn(root, "\n")] = '\0';
        snprintf(target, sizeof(target), "/api/v0/dag/stat?progress=false&arg=%s", root);
        run(node, &command_dag_stat, target, &objects[i]);
        snprintf(target, sizeof(target), "/api/v0/dag/stat?arg=%s", root);
        run(node, &command_dag_stat, target, &objects[i]);
        snprintf(target, sizeof(target), "/api/v0/dag/export?arg=%s", root);
        run(node, &command_dag_export, target, &objects[i]);
    }
}

int main(int argc, char **argv)
{
    struct node_settings settings = {.jobs = jobs_create(2, 1000)};
    struct maker maker = {.loop = loop_create(NULL)};
    struct error err = {0};
    struct text path = {0};
    struct rusage usage;
    FILE *roots;

    if (argc != 2) {
        fputs("usage: bench_walk FOLDER\n", stderr);
        return 2;
    }
    settings.folder = argv[1];
    if (!node_open(&maker.node, &settings, NULL, &err))
        stop(&err);
    text_put_format(&path, "%s/roots", argv[1]);
    roots = fopen(path.data, "r");
    if (roots == NULL) {
        make_all(&maker, argv[1]);
        puts("made; run it again");
    } else {
        measure(maker.node, roots);
        fclose(roots);
        getrusage(RUSAGE_SELF, &usage);
        printf("memory at most %ld MiB\n", usage.ru_maxrss >> 10);
    }
    node_close(&maker.node);
    jobs_destroy(&settings.jobs);
    loop_destroy(&maker.loop);
    text_dispose(&path);
    return 0;
}

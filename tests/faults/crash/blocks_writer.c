// SPDX-License-Identifier: Apache-2.0
/* `crash_blocks_writer FOLDER NOTES BUNDLES`: works with a block store in FOLDER as an import and a
 * garbage collection do, and says to NOTES what it asks for and what was acknowledged. To be
 * recorded. */
#include "blocks_stages.h"
#include "conf/memory.h"
#include "rounds.h"
#include "upstream/embedded/blocks.h"

enum { COMPACT_EVERY = 13 };

struct writer {
    struct rounds rounds;
    struct blocks *blocks;
    struct jobs *jobs;
};

static struct writer *writer_of(struct rounds *rounds)
{
    return CONTAINER_OF(rounds, struct writer, rounds);
}

static void on_done(void *caller, const struct blocks_written *result, const struct error *err)
{
    rounds_acknowledge(caller, err);
}

static void start(struct caller *caller)
{
    struct blocks_write *write = blocks_write_create();
    struct error err = {0};

    for (unsigned i = 0; i < BUNDLE; i++) {
        char bytes[BUNDLE_BYTES_MAX];
        struct cid cid;
        struct slice block = stage_block(caller->n, i, bytes, &cid);

        if (!stage_has_blocks(caller->stage))
            blocks_write_remove(write, &cid);
        else if (!blocks_write_put(write, &cid, block, &err))
            rounds_stop(&err);
    }
    if (!blocks_write_start(writer_of(caller->rounds)->blocks, caller->rounds->loop, write, on_done,
                            caller, &err))
        rounds_stop(&err);
}

/* Compacts at times: nobody waits for it. */
static void begin(struct rounds *rounds, unsigned n)
{
    struct blocks_write *write;
    struct error err = {0};

    if (n % COMPACT_EVERY != COMPACT_EVERY - 1)
        return;
    write = blocks_write_create();
    blocks_write_compact(write);
    if (!blocks_write_start(writer_of(rounds)->blocks, NULL, write, NULL, NULL, &err))
        rounds_stop(&err);
}

static void open_blocks(struct rounds *rounds)
{
    struct writer *writer = writer_of(rounds);
    struct blocks_settings settings = {
        .folder = rounds->folder, .jobs = writer->jobs, .segment_max = SEGMENT_BYTES};
    struct error err = {0};

    if (!blocks_open(&writer->blocks, &settings, NULL, &err))
        rounds_stop(&err);
}

static void close_blocks(struct rounds *rounds)
{
    blocks_close(&writer_of(rounds)->blocks);
}

int main(int argc, char **argv)
{
    static const struct rounds_kind kind = {.program = "crash_blocks_writer",
                                            .pieces = "BUNDLES",
                                            .index = "index.db",
                                            .callers = 12,
                                            .last_stage = stage_last,
                                            .open = open_blocks,
                                            .close = close_blocks,
                                            .begin = begin,
                                            .start = start};
    struct writer writer = {.rounds = {.loop = loop_create(NULL)}, .jobs = jobs_create(1, 16)};
    int status = rounds_run(&writer.rounds, &kind, argc, argv);

    jobs_destroy(&writer.jobs);
    loop_destroy(&writer.rounds.loop);
    return status;
}

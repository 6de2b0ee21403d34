// SPDX-License-Identifier: Apache-2.0
/* `crash_blocks_writer FOLDER NOTES BUNDLES`: works with a block store in FOLDER as an import and a
 * garbage collection do, many writes at once, and says to NOTES what it asks for and what was
 * acknowledged. To be recorded. It closes and opens the store in between. */
#include "blocks_stages.h"
#include "conf/memory.h"
#include "upstream/embedded/blocks.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLERS = 12, ROUNDS = 3, COMPACT_EVERY = 13, CHECKPOINT_EVERY = 17 };

struct writer;

struct caller {
    struct writer *writer;
    unsigned n;
    enum stage stage;
};

struct writer {
    const char *folder;
    struct blocks *blocks;
    struct jobs *jobs;
    struct loop *loop;
    int notes;
    unsigned next, end, under_way;
    struct caller callers[CALLERS];
};

static void stop(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static void note(const struct writer *writer, char what, const struct caller *caller)
{
    char line[48];
    int size = snprintf(line, sizeof(line), "%c %u %d\n", what, caller->n, (int)caller->stage);

    if (write(writer->notes, line, (size_t)size) != size)
        exit(1);
}

static void on_done(void *caller_, const struct blocks_written *result, const struct error *err);

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
            stop(&err);
    }
    note(caller->writer, 'S', caller);
    if (!blocks_write_start(caller->writer->blocks, caller->writer->loop, write, on_done, caller,
                            &err))
        stop(&err);
    caller->writer->under_way++;
}

/* Folds the index's log into its file in the middle of the work. */
static void checkpoint(const struct writer *writer)
{
    struct text path = {0};
    sqlite3 *db;

    text_put_format(&path, "%s/index.db", writer->folder);
    if (sqlite3_open_v2(path.data, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA wal_checkpoint(RESTART)", NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "checkpoint: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_close(db);
    text_dispose(&path);
}

static void compact(const struct writer *writer)
{
    struct blocks_write *write = blocks_write_create();
    struct error err = {0};

    blocks_write_compact(write);
    if (!blocks_write_start(writer->blocks, NULL, write, NULL, NULL, &err))
        stop(&err);
}

/* The next bundle, if there is one in this round. */
static void begin(struct caller *caller)
{
    struct writer *writer = caller->writer;

    if (writer->next == writer->end)
        return;
    caller->n = writer->next++;
    if (caller->n % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1)
        checkpoint(writer);
    if (caller->n % COMPACT_EVERY == COMPACT_EVERY - 1)
        compact(writer);
    caller->stage = STAGE_PUT;
    start(caller);
}

static void on_done(void *caller_, const struct blocks_written *result, const struct error *err)
{
    struct caller *caller = caller_;

    caller->writer->under_way--;
    if (err != NULL)
        stop(err);
    note(caller->writer, 'A', caller);
    if (caller->stage == stage_last(caller->n)) {
        begin(caller);
    } else {
        caller->stage++;
        start(caller);
    }
}

static void run_round(struct writer *writer)
{
    struct blocks_settings settings = {
        .folder = writer->folder, .jobs = writer->jobs, .segment_max = SEGMENT_BYTES};
    struct error err = {0};

    if (!blocks_open(&writer->blocks, &settings, NULL, &err))
        stop(&err);
    for (unsigned i = 0; i < CALLERS; i++)
        begin(&writer->callers[i]);
    while (writer->under_way > 0)
        loop_turn(writer->loop, 1000);
    blocks_close(&writer->blocks);
}

int main(int argc, char **argv)
{
    struct writer writer = {.loop = loop_create(NULL), .jobs = jobs_create(1, 16)};
    unsigned bundles = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    if (bundles == 0) {
        fprintf(stderr, "usage: crash_blocks_writer FOLDER NOTES BUNDLES\n");
        return 2;
    }
    writer.notes = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer.notes < 0) {
        perror(argv[2]);
        return 1;
    }
    writer.folder = argv[1];
    for (unsigned i = 0; i < CALLERS; i++)
        writer.callers[i].writer = &writer;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        writer.end = bundles * round / ROUNDS;
        run_round(&writer);
    }
    close(writer.notes);
    jobs_destroy(&writer.jobs);
    loop_destroy(&writer.loop);
    return 0;
}

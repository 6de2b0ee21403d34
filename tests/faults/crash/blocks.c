// SPDX-License-Identifier: Apache-2.0
/* The block store after a crash: it opens without making its index anew, each bundle is there whole
 * or not at all, as was acknowledged, every block that is listed is whole and was asked for, the
 * sums are right, and it can be written to. */
#include "upstream/embedded/blocks.h"

#include "blocks_stages.h"
#include "check.h"
#include "conf/memory.h"
#include "notes.h"

#include <stdlib.h>

struct check {
    struct jobs *jobs;
    struct loop *loop;
    struct notes notes;
};

struct check *check_create(void)
{
    struct check *check = memory_alloc(sizeof(*check));

    check->jobs = jobs_create(1, 16);
    check->loop = loop_create(NULL);
    return check;
}

void check_destroy(struct check **check_ptr)
{
    struct check *check = *check_ptr;

    *check_ptr = NULL;
    jobs_destroy(&check->jobs);
    loop_destroy(&check->loop);
    free(check);
}

void check_note(struct check *check, struct slice note)
{
    notes_read(&check->notes, note);
}

/* ---- asking the store, and waiting */

struct answer {
    bool is_there;
    struct error err;
    uint64_t present, bytes; /* blocks that were read whole */
};

static void on_found(void *answer_, const struct block_found *found, size_t count,
                     const struct error *err)
{
    struct answer *answer = answer_;

    answer->is_there = true;
    if (err != NULL)
        answer->err = *err;
    for (size_t i = 0; i < count; i++) {
        answer->present += found[i].state == ERROR_NONE;
        answer->bytes += found[i].size;
    }
}

static void on_written(void *answer_, const struct blocks_written *result, const struct error *err)
{
    struct answer *answer = answer_;

    answer->is_there = true;
    if (err != NULL)
        answer->err = *err;
}

static bool wait_for(const struct check *check, const struct answer *answer, struct error *err)
{
    while (!answer->is_there)
        loop_turn(check->loop, 1000);
    return answer->err.code == ERROR_NONE || error_copy(err, &answer->err);
}

static bool read_bundle(const struct check *check, struct blocks *blocks, unsigned n,
                        struct answer *answer, struct error *err)
{
    struct blocks_read *read = blocks_read_create(BLOCKS_CHECKED);
    char bytes[BUNDLE_BYTES_MAX];
    struct cid cid;

    *answer = (struct answer){0};
    for (unsigned i = 0; i < BUNDLE; i++) {
        stage_block(n, i, bytes, &cid);
        blocks_read_add(read, &cid);
    }
    return blocks_read_start(blocks, check->loop, read, on_found, answer, err) &&
           wait_for(check, answer, err);
}

/* ---- what must hold */

static bool check_bundle(const struct check *check, struct blocks *blocks, unsigned n,
                         uint64_t *present, struct error *err)
{
    unsigned from = check->notes.said[n].acknowledged, to = check->notes.said[n].started;
    struct answer answer;

    if (!read_bundle(check, blocks, n, &answer, err))
        return false;
    *present += answer.present;
    if (answer.present != 0 && answer.present != BUNDLE)
        return error_set(err, ERROR_MISMATCH, "bundle %u: %d of %d blocks are there", n,
                         (int)answer.present, BUNDLE);
    for (unsigned stage = from; stage <= to; stage++)
        if (stage_has_blocks(stage) == (answer.present > 0))
            return true;
    return error_set(err, ERROR_MISMATCH,
                     "bundle %u: stage %u was acknowledged and %u asked for; its blocks are %s", n,
                     from, to, answer.present > 0 ? "there" : "not there");
}

/* All that is there was asked for, and the sums say the same. */
static bool check_list(const struct check *check, struct blocks *blocks, uint64_t present,
                       struct error *err)
{
    struct blocks_totals totals = blocks_totals(blocks);
    struct answer answer = {0};
    struct blocks_read *list;

    if (!blocks_list_start(blocks, check->loop, &list, NULL, BLOCKS_COUNT_MAX, on_found, &answer,
                           err) ||
        !wait_for(check, &answer, err))
        return false;
    return (answer.present == present && totals.count == present && totals.bytes == answer.bytes) ||
           error_set(err, ERROR_MISMATCH,
                     "%llu blocks of bundles are there, %llu are listed, and %llu are counted",
                     (unsigned long long)present, (unsigned long long)answer.present,
                     (unsigned long long)totals.count);
}

static bool check_write(const struct check *check, struct blocks *blocks, struct error *err)
{
    struct blocks_write *write = blocks_write_create();
    struct answer answer = {0};
    char bytes[BUNDLE_BYTES_MAX];

    for (unsigned i = 0; i < BUNDLE; i++) {
        struct cid cid;
        struct slice block = stage_block(PIECES_MAX, i, bytes, &cid);

        if (!blocks_write_put(write, &cid, block, err))
            return false;
    }
    return blocks_write_start(blocks, check->loop, write, on_written, &answer, err) &&
           wait_for(check, &answer, err) && read_bundle(check, blocks, PIECES_MAX, &answer, err) &&
           (answer.present == BUNDLE ||
            error_set(err, ERROR_MISMATCH, "what is put after the crash is not there"));
}

bool check_folder(const struct check *check, const char *folder, struct error *err)
{
    struct blocks_settings settings = {
        .folder = folder, .jobs = check->jobs, .segment_max = SEGMENT_BYTES};
    struct blocks_opened opened;
    struct blocks *blocks;
    uint64_t present = 0;
    bool is_fine;

    if (!blocks_open(&blocks, &settings, &opened, err))
        return false;
    is_fine = true;
    for (unsigned n = 0; is_fine && n < check->notes.count; n++)
        is_fine = check_bundle(check, blocks, n, &present, err);
    is_fine = is_fine && check_list(check, blocks, present, err) &&
              (!opened.was_rebuilt || check->notes.said[0].acknowledged == 0 ||
               error_set(err, ERROR_MISMATCH, "the index was lost")) &&
              check_write(check, blocks, err);
    blocks_close(&blocks);
    return is_fine;
}

// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/gc.h"

#include "conf/memory.h"
#include "upstream/embedded/files.h"
#include "upstream/embedded/gate.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pin_walk.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/task.h"
#include "upstream/embedded/walk_disk.h"

#include <stdlib.h>

enum { PAGE = 512 };

enum phase { WAITING, PINS, FILES, DIRECT_PINS, SWEEPING, COMPACTING };

struct gc {
    struct node *node;
    gc_removed_cb on_removed;
    void *arg;
    enum phase phase;
    struct gate gate;
    struct walk_memory *marks; /* v1 raw CIDs: a block is kept for any CID of it */
    struct pin_walk *pins;
    struct dag_walk *files;
    struct cid after; /* the last direct pin, or block, that was seen */
    bool has_after;
    size_t garbage_count;
    struct cid garbage[PAGE]; /* of the page */
    uint64_t damaged_segments;
    struct error failure; /* of a callback that cannot say so */
    uint64_t count;
};

struct gc *gc_create(struct node *node, gc_removed_cb on_removed, void *arg)
{
    struct gc *gc = memory_alloc(sizeof(*gc));

    gc->node = node;
    gc->on_removed = on_removed;
    gc->arg = arg;
    return gc;
}

void gc_destroy(struct gc **gc_ptr)
{
    struct gc *gc = *gc_ptr;

    if (gc == NULL)
        return;
    *gc_ptr = NULL;
    pin_walk_destroy(&gc->pins);
    dag_walk_destroy(&gc->files);
    walk_disk_destroy(&gc->marks);
    gate_open(&gc->gate);
    free(gc);
}

uint64_t gc_count(const struct gc *gc)
{
    return gc->count;
}

static enum gc_step wait_for_quiet(struct gc *gc, struct error *err)
{
    switch (gate_close(&gc->gate, gc->node, err)) {
    case GATE_IS_QUIET:
        gc->marks = walk_disk_create(gc->node->scratch, 0, err);
        gc->phase = PINS;
        return gc->marks != NULL ? GC_MORE : GC_BAD;
    case GATE_WAITS:
        return GC_WAITS;
    case GATE_BAD:
        break;
    }
    return GC_BAD;
}

/* ---- marking */

static bool mark(struct gc *gc, const struct cid *cid, struct error *err)
{
    struct cid key;
    bool added;

    cid_make(&key, 1, CODEC_RAW, cid->hash, cid_digest(cid), cid->digest_size);
    return gc->marks->ops->see(gc->marks, &key, &added, err);
}

static bool on_block(void *gc, const struct cid *cid, struct slice block, struct error *err)
{
    return mark(gc, cid, err);
}

/* In Kubo's words, and which pin it is. */
static bool abort_below_pin(void *gc_, const struct cid *cid, const struct error *why,
                            struct error *err)
{
    const struct gc *gc = gc_;
    struct text block = {0}, root = {0};

    cid_print(cid, CID_BASE_DEFAULT, &block);
    cid_print(pin_walk_root(gc->pins), CID_BASE_DEFAULT, &root);
    error_set(err, why->code,
              "could not retrieve links for %s, which the pin %s needs: %s; garbage collection "
              "aborted: could not retrieve some links",
              block.data, root.data, why->text);
    text_dispose(&block);
    text_dispose(&root);
    return false;
}

static enum gc_step mark_pins(struct gc *gc, struct task *task, struct error *err)
{
    const struct pin_walk_settings settings = {
        .on_block = on_block, .on_bad = abort_below_pin, .arg = gc};

    if (gc->pins == NULL)
        gc->pins = pin_walk_create(gc->node, &settings);
    switch (pin_walk_run(gc->pins, task, err)) {
    case DAG_WALK_MORE:
        return GC_MORE;
    case DAG_WALK_DONE:
        gc->phase = FILES;
        return GC_MORE;
    case DAG_WALK_BAD:
        break;
    }
    return GC_BAD;
}

/* What was copied into the files by its root alone has its other blocks elsewhere, as in Kubo. But
 * of damaged ones nobody knows what lies below. */
static bool pass_missing(void *gc, const struct cid *cid, const struct error *why,
                         struct error *err)
{
    return why->code == ERROR_NOT_FOUND ||
           error_set(err, why->code,
                     "the node's files cannot be read: %s; garbage collection aborted", why->text);
}

static bool begin_files(struct gc *gc, struct error *err)
{
    struct cid root = files_root(gc->node->files);

    gc->files = dag_walk_create(gc->node, NULL, err);
    if (gc->files == NULL)
        return false;
    dag_walk_skip_leaves(gc->files);
    dag_walk_allow_bad(gc->files, pass_missing, gc);
    return dag_walk_add_roots(gc->files, &root, 1, err);
}

static enum gc_step mark_files(struct gc *gc, struct task *task, struct error *err)
{
    if (gc->files == NULL && !begin_files(gc, err))
        return GC_BAD;
    switch (dag_walk_run(gc->files, task, on_block, gc, err)) {
    case DAG_WALK_MORE:
        return GC_MORE;
    case DAG_WALK_DONE:
        gc->phase = DIRECT_PINS;
        return GC_MORE;
    case DAG_WALK_BAD:
        break;
    }
    return GC_BAD;
}

static bool on_direct_pin(void *gc_, const struct cid *cid, struct slice name)
{
    struct gc *gc = gc_;

    gc->after = *cid;
    gc->has_after = true;
    return mark(gc, cid, &gc->failure);
}

static enum gc_step mark_direct_pins(struct gc *gc, struct error *err)
{
    size_t count;

    if (!pins_list(gc->node->pins, PIN_DIRECT, gc->has_after ? &gc->after : NULL, PAGE,
                   on_direct_pin, gc, &count, err))
        return GC_BAD;
    if (gc->failure.code != ERROR_NONE) {
        *err = gc->failure;
        return GC_BAD;
    }
    if (count < PAGE) {
        gc->phase = SWEEPING;
        gc->has_after = false;
    }
    return GC_MORE;
}

/* ---- removing */

static void on_listed(void *gc_, const struct cid *cid, uint32_t size)
{
    struct gc *gc = gc_;
    bool is_marked;

    gc->after = *cid;
    gc->has_after = true;
    if (gc->failure.code == ERROR_NONE &&
        gc->marks->ops->saw(gc->marks, cid, &is_marked, &gc->failure) && !is_marked)
        gc->garbage[gc->garbage_count++] = *cid;
}

static bool remove_garbage(struct gc *gc, struct error *err)
{
    struct blocks_write *write;
    struct blocks_written written;

    if (gc->garbage_count == 0)
        return true;
    write = blocks_write_create();
    for (size_t i = 0; i < gc->garbage_count; i++)
        blocks_write_remove(write, &gc->garbage[i]);
    if (!blocks_write_now(gc->node->blocks, &write, &written, err))
        return false;
    gc->count += gc->garbage_count;
    for (size_t i = 0; gc->on_removed != NULL && i < gc->garbage_count; i++)
        gc->on_removed(gc->arg, &gc->garbage[i]);
    return true;
}

static enum gc_step sweep_page(struct gc *gc, struct task *task, struct error *err)
{
    size_t count;

    gc->garbage_count = 0;
    if (!blocks_reader_list(task->reader, gc->has_after ? &gc->after : NULL, PAGE, on_listed, gc,
                            &count, err))
        return GC_BAD;
    if (gc->failure.code != ERROR_NONE) {
        *err = gc->failure;
        return GC_BAD;
    }
    if (!remove_garbage(gc, err))
        return GC_BAD;
    if (count < PAGE)
        gc->phase = COMPACTING;
    return GC_MORE;
}

/* A segment that is damaged stays as it is, and the next is tried: it is not garbage's fault. None
 * is tried twice; when there were as many as there are segments, it is the index. */
static enum gc_step compact(struct gc *gc, struct error *err)
{
    struct blocks_write *write = blocks_write_create();
    struct blocks_written written;
    struct error failure = {0};

    blocks_write_compact(write);
    if (blocks_write_now(gc->node->blocks, &write, &written, &failure))
        return written.may_compact ? GC_MORE : GC_DONE;
    if (failure.code == ERROR_MISMATCH &&
        gc->damaged_segments++ < blocks_totals(gc->node->blocks).segments)
        return GC_MORE;
    *err = failure;
    return GC_BAD;
}

/* ---- */

static enum gc_step run_phase(struct gc *gc, struct task *task, struct error *err)
{
    switch (gc->phase) {
    case WAITING:
        return wait_for_quiet(gc, err);
    case PINS:
        return mark_pins(gc, task, err);
    case FILES:
        return mark_files(gc, task, err);
    case DIRECT_PINS:
        return mark_direct_pins(gc, err);
    case SWEEPING:
        return sweep_page(gc, task, err);
    case COMPACTING:
        break;
    }
    return compact(gc, err);
}

/* Blocks are hashed as they are read: of a damaged one a link may be lost without a sign, and what
 * it led to would go. */
enum gc_step gc_run(struct gc *gc, struct task *task, struct error *err)
{
    struct blocks_reader *plain = task->reader, *checking;
    enum gc_step step;

    checking = task->reader = blocks_reader_create(gc->node->blocks, true);
    do
        step = run_phase(gc, task, err);
    while (step == GC_MORE && !task_is_due(task));
    task->reader = plain;
    blocks_reader_destroy(&checking);
    return step;
}

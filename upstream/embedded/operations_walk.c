// SPDX-License-Identifier: Apache-2.0
/* pin, measure, contains, gc, verify: the operations that go through objects, or all there is. */
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/gc.h"
#include "upstream/embedded/operations.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/verify.h"

#include <assert.h>

struct walking {
    struct dag_walk *walk; /* NULL: not begun */
};

static void dispose_walk(struct task *task)
{
    dag_walk_destroy(&((struct walking *)task->state)->walk);
}

static bool begin(struct task *task, const struct cid *root, struct error *err)
{
    struct walking *walking = task->state;

    walking->walk = dag_walk_create(task->node, NULL, err);
    if (walking->walk == NULL)
        return false;
    dag_walk_skip_leaves(walking->walk);
    return dag_walk_add_roots(walking->walk, root, 1, err);
}

/* ---- measure, and the first half of pin */

/* What was walked so far is the result so far. */
static enum task_step measure_object(struct task *task, struct error *err)
{
    struct walking *walking = task->state;
    struct asked *asked = task->arg;
    const struct walk_stats *stats;
    enum dag_walk_step step;

    if (walking->walk == NULL && !begin(task, &asked->cid, err))
        return TASK_FAILED;
    step = dag_walk_run(walking->walk, task, NULL, NULL, err);
    if (step == DAG_WALK_BAD)
        return asked_refuse(err);
    stats = dag_walk_stats(walking->walk);
    asked->result.has_bytes = true;
    asked->result.bytes = stats->bytes;
    asked->result.blocks = stats->blocks;
    return step == DAG_WALK_DONE ? TASK_DONE : TASK_GO_ON;
}

static enum task_step measure_block(struct task *task, struct error *err)
{
    struct asked *asked = task->arg;
    uint32_t size;

    if (!task_size(task, &asked->cid, &size, err))
        return asked_refuse(err);
    asked->result.has_bytes = true;
    asked->result.bytes = size;
    asked->result.blocks = 1;
    return TASK_DONE;
}

static enum task_step measure_run(struct task *task, struct error *err)
{
    const struct asked *asked = task->arg;

    return asked->mode == PIN_DIRECT ? measure_block(task, err) : measure_object(task, err);
}

bool embedded_measure(struct upstream *upstream, struct operation **operation,
                      const struct cid *cid, enum pin_mode mode, operation_done on_done, void *arg,
                      struct error *err)
{
    static const struct task_command command = {
        .run = measure_run, .state_size = sizeof(struct walking), .dispose = dispose_walk};
    struct asked *asked = asked_create(on_done, arg);

    assert(mode != PIN_NONE);
    asked->cid = cid_to_v1(cid);
    asked->mode = mode;
    return asked_start(asked, upstream, operation, &command, NULL);
}

/* ---- pin */

static enum task_step pin_run(struct task *task, struct error *err)
{
    struct asked *asked = task->arg;
    enum task_step step = measure_run(task, err);

    if (step != TASK_DONE)
        return step;
    if (asked->mode == PIN_DIRECT)
        asked->result.blocks = 0;
    return pins_add(task->node->pins, &asked->cid, asked->mode, text_slice(&asked->name), err)
               ? TASK_DONE
               : asked_refuse(err);
}

static void tell_progress(void *asked)
{
    asked_tell_progress(asked);
}

bool embedded_pin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, struct slice name, bool offline,
                  operation_progress on_progress, operation_done on_done, void *arg,
                  struct error *err)
{
    static const struct task_command command = {.run = pin_run,
                                                .state_size = sizeof(struct walking),
                                                .dispose = dispose_walk,
                                                .writes = true};
    struct asked *asked = asked_create(on_done, arg);

    assert(mode != PIN_NONE);
    asked->cid = cid_to_v1(cid);
    asked->mode = mode;
    asked->on_progress = on_progress;
    text_put_slice(&asked->name, name);
    return asked_start(asked, upstream, operation, &command, tell_progress);
}

/* ---- contains */

/* What lies below the root: not the root. */
static bool on_block(void *asked_, const struct cid *cid, struct slice block, struct error *err)
{
    struct asked *asked = asked_;
    struct cid found = cid_to_v1(cid);

    if (cid_equal(&found, &asked->wanted) && !cid_equal(cid, &asked->cid))
        asked->result.count = 1;
    return true;
}

static enum task_step contains_run(struct task *task, struct error *err)
{
    struct walking *walking = task->state;
    struct asked *asked = task->arg;

    if (walking->walk == NULL && !begin(task, &asked->cid, err))
        return TASK_FAILED;
    switch (dag_walk_run(walking->walk, task, on_block, asked, err)) {
    case DAG_WALK_MORE:
        return TASK_GO_ON;
    case DAG_WALK_DONE:
        return TASK_DONE;
    case DAG_WALK_BAD:
        break;
    }
    return asked_refuse(err);
}

bool embedded_contains(struct upstream *upstream, struct operation **operation,
                       const struct cid *root, const struct cid *wanted, operation_done on_done,
                       void *arg, struct error *err)
{
    static const struct task_command command = {
        .run = contains_run, .state_size = sizeof(struct walking), .dispose = dispose_walk};
    struct asked *asked = asked_create(on_done, arg);

    asked->cid = *root;
    asked->wanted = cid_to_v1(wanted);
    return asked_start(asked, upstream, operation, &command, NULL);
}

/* ---- gc */

struct collecting {
    struct gc *gc;
};

static void dispose_gc(struct task *task)
{
    gc_destroy(&((struct collecting *)task->state)->gc);
}

static enum task_step gc_run_slice(struct task *task, struct error *err)
{
    struct collecting *collecting = task->state;
    struct asked *asked = task->arg;

    if (collecting->gc == NULL)
        collecting->gc = gc_create(task->node, NULL, NULL);
    switch (gc_run(collecting->gc, task, err)) {
    case GC_MORE:
        return TASK_GO_ON;
    case GC_WAITS:
        return TASK_WAITS;
    case GC_DONE:
        asked->result.count = gc_count(collecting->gc);
        return TASK_DONE;
    case GC_BAD:
        break;
    }
    return TASK_FAILED;
}

bool embedded_gc(struct upstream *upstream, struct operation **operation, operation_done on_done,
                 void *arg, struct error *err)
{
    static const struct task_command command = {
        .run = gc_run_slice, .state_size = sizeof(struct collecting), .dispose = dispose_gc};

    return asked_start(asked_create(on_done, arg), upstream, operation, &command, NULL);
}

/* ---- verify: slices put sentences into the page, the loop tells them */

struct verifying {
    struct verify *verify;
    struct asked *asked;
};

static void dispose_verify(struct task *task)
{
    verify_destroy(&((struct verifying *)task->state)->verify);
}

static void on_checked(void *verifying_, const struct cid *cid, const struct error *why,
                       const struct verify_counts *counts)
{
    struct asked *asked = ((struct verifying *)verifying_)->asked;

    asked->result.blocks = counts->checked;
    asked->result.count = counts->damaged;
    if (why == NULL)
        return;
    text_put_text(&asked->page, why->text);
    text_put_char(&asked->page, '\0');
}

/* All is told before it ends. */
static enum task_step verify_run_slice(struct task *task, struct error *err)
{
    struct verifying *verifying = task->state;
    struct asked *asked = verifying->asked = task->arg;

    if (verifying->verify == NULL)
        verifying->verify = verify_create(task->node, false, on_checked, verifying);
    switch (verify_run(verifying->verify, task, err)) {
    case VERIFY_MORE:
        return TASK_GO_ON;
    case VERIFY_WAITS:
        return TASK_WAITS;
    case VERIFY_DONE:
        return asked->page.size > 0 ? TASK_GO_ON : TASK_DONE;
    case VERIFY_BAD:
        break;
    }
    return TASK_FAILED;
}

static void tell_damage(void *asked_)
{
    struct asked *asked = asked_;
    struct text page = asked->page;
    bool is_gone = false;

    asked->page = (struct text){0};
    asked->is_gone = &is_gone;
    for (size_t at = 0; at < page.size && !is_gone; at += strlen(page.data + at) + 1)
        if (asked->on_damage != NULL)
            asked->on_damage(asked->arg, slice_of(page.data + at));
    text_dispose(&page);
    if (is_gone)
        return;
    asked->is_gone = NULL;
    asked_tell_progress(asked);
}

bool embedded_verify(struct upstream *upstream, struct operation **operation,
                     operation_progress on_progress, operation_damage_found on_damage,
                     operation_done on_done, void *arg, struct error *err)
{
    static const struct task_command command = {
        .run = verify_run_slice, .state_size = sizeof(struct verifying), .dispose = dispose_verify};
    struct asked *asked = asked_create(on_done, arg);

    asked->on_progress = on_progress;
    asked->on_damage = on_damage;
    return asked_start(asked, upstream, operation, &command, tell_damage);
}

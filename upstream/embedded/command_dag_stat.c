// SPDX-License-Identifier: Apache-2.0
/* dag/stat: how many blocks and bytes lie below each of some roots, and below all of them. Each
 * root is walked for itself, as in Kubo; with several, what was met below an earlier one is known
 * by a second set. */
#include "conf/memory.h"
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/task.h"
#include "upstream/embedded/walk_disk.h"

#include <stdio.h>
#include <stdlib.h>

struct root_stat {
    struct cid cid;
    uint64_t blocks, bytes;
};

struct stat_state {
    struct reply_form form;
    struct root_stat *roots; /* NULL: nothing was begun */
    size_t root_count;       /* that were begun: as many are shown */
    size_t done_count;       /* whose walk has ended */
    struct dag_walk *walk;
    struct walk_memory *known; /* of several roots; NULL: there is one */
    uint64_t blocks, bytes;    /* distinct */
    uint64_t bytes_with_shared;
    bool has_progress, is_text;
};

/* ---- the reply: one value, whole or as far as it has come */

static void put_number(struct text *out, const char *name, uint64_t number)
{
    if (number == 0)
        return;
    text_put_format(out, "\"%s\":", name);
    text_put_number(out, number);
    text_put_char(out, ',');
}

static void put_root(struct text *out, const struct stat_state *state, const struct root_stat *root)
{
    text_put_text(out, "{\"Cid\":");
    reply_put_cid_string(out, &state->form, &root->cid);
    text_put_char(out, ',');
    put_number(out, "Size", root->bytes);
    put_number(out, "NumBlocks", root->blocks);
    out->data[out->size - 1] = '}'; /* for the last comma */
}

/* In the shortest form that reads back as the same: at least 1, so never with an exponent. */
static void put_ratio(struct text *out, float ratio)
{
    char digits[64];
    int decimals = 0;

    do
        snprintf(digits, sizeof(digits), "%.*f", decimals++, (double)ratio);
    while (strtof(digits, NULL) != ratio);
    text_put_format(out, "\"Ratio\":%s,", digits);
}

static void put_json(struct text *out, const struct stat_state *state, bool is_whole)
{
    text_put_char(out, '{');
    if (is_whole)
        put_number(out, "UniqueBlocks", state->blocks);
    put_number(out, "TotalSize", state->bytes);
    if (is_whole) {
        put_number(out, "SharedSize", state->bytes_with_shared - state->bytes);
        put_ratio(out, (float)state->bytes_with_shared / (float)state->bytes);
    }
    text_put_text(out, "\"DagStats\":[");
    for (size_t i = 0; i < state->root_count; i++) {
        if (i > 0)
            text_put_char(out, ',');
        put_root(out, state, &state->roots[i]);
    }
    text_put_text(out, "]}\n");
}

/* As go-humanize writes it: "700 kB". */
static void put_size(struct text *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1000; unit++)
        value /= 1000;
    value = unit > 0 ? (double)(uint64_t)(value * 10 + 0.5) / 10 : value;
    text_put_format(out, "%.*f %s", unit > 0 && value < 10, value, units[unit]);
}

static void put_summary(struct text *out, const struct stat_state *state, bool is_whole)
{
    uint64_t shared = is_whole ? state->bytes_with_shared - state->bytes : 0;

    text_put_format(out, "\nSummary\nTotal Size: %llu (", (unsigned long long)state->bytes);
    put_size(out, state->bytes);
    text_put_format(out, ")\nUnique Blocks: %llu\nShared Size: %llu (",
                    (unsigned long long)(is_whole ? state->blocks : 0), (unsigned long long)shared);
    put_size(out, shared);
    text_put_text(out, ")\nRatio: ");
    if (is_whole && state->bytes == 0)
        text_put_text(out, "NaN");
    else
        text_put_format(out, "%f",
                        is_whole ? (double)((float)state->bytes_with_shared / (float)state->bytes)
                                 : 0.0);
    text_put_text(out, "\n\n\n");
}

/* With encoding=text: a table, its first column as wide as the first CID. */
static void put_table(struct text *out, const struct stat_state *state, bool is_whole)
{
    struct text cid = {0};

    for (size_t i = 0; i < state->root_count; i++) {
        const struct root_stat *root = &state->roots[i];

        text_clear(&cid);
        reply_put_cid(&cid, &state->form, &root->cid);
        if (i == 0)
            text_put_format(out, "\n%-*s\t%-15s\tSize\n", (int)cid.size, "CID", "Blocks");
        text_put_format(out, "%s\t%-15llu\t%llu\n", cid.data, (unsigned long long)root->blocks,
                        (unsigned long long)root->bytes);
    }
    text_dispose(&cid);
    put_summary(out, state, is_whole);
}

static void put_stat(struct text *out, const struct stat_state *state, bool is_whole)
{
    if (state->is_text)
        put_table(out, state, is_whole);
    else
        put_json(out, state, is_whole);
}

/* ---- the walks */

static bool begin(struct task *task, struct error *err)
{
    struct stat_state *state = task->state;
    size_t count = task->call->argument_count;

    if (!reply_form_of(task->call, &state->form, err))
        return false;
    state->has_progress = call_option_bool(task->call, OPT_PROGRESS, true);
    state->is_text = slice_is(call_option_text(task->call, OPT_ENCODING), "text");
    if (state->is_text)
        task_reply(task, "text/plain", TASK_LINES_HEADER);
    state->roots = memory_resize_array(NULL, count, sizeof(*state->roots));
    if (count > 1)
        state->known = walk_disk_create(task->node->scratch, 0, err);
    return count == 1 || state->known != NULL;
}

static bool begin_root(struct task *task, struct error *err)
{
    struct stat_state *state = task->state;
    struct root_stat *root = &state->roots[state->root_count];
    struct path_end end;

    if (!path_resolve(task, &task->call->arguments[state->root_count].path, &end, err))
        return false;
    if (end.rest.size > 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "cannot return size for anything other than a DAG with a root CID");
    *root = (struct root_stat){.cid = end.cid};
    state->walk = dag_walk_create(task->node, NULL, err);
    if (state->walk == NULL)
        return false;
    dag_walk_skip_leaves(state->walk);
    return dag_walk_add_roots(state->walk, &root->cid, 1, err);
}

static bool count_block(void *task_, const struct cid *cid, struct slice block, struct error *err)
{
    struct task *task = task_;
    struct stat_state *state = task->state;
    struct root_stat *root = &state->roots[state->done_count];
    bool is_new = true;

    if (state->known != NULL && !state->known->ops->see(state->known, cid, &is_new, err))
        return false;
    state->root_count = state->done_count + 1; /* shown from its first block on */
    root->blocks++;
    root->bytes += block.size;
    state->blocks += is_new;
    state->bytes += is_new ? block.size : 0;
    state->bytes_with_shared += block.size;
    if (state->has_progress)
        put_stat(&task->out, state, false);
    return true;
}

/* One walk, or a slice of it. */
static enum dag_walk_step walk_root(struct task *task, struct error *err)
{
    struct stat_state *state = task->state;
    enum dag_walk_step step;

    if (state->walk == NULL && !begin_root(task, err))
        return DAG_WALK_BAD;
    step = dag_walk_run(state->walk, task, count_block, task, err);
    if (step == DAG_WALK_BAD && dag_walk_stats(state->walk)->blocks > 0)
        error_prefix(err, "error traversing DAG");
    if (step != DAG_WALK_DONE)
        return step;
    dag_walk_destroy(&state->walk);
    state->done_count++;
    return DAG_WALK_DONE;
}

static enum task_step run_dag_stat(struct task *task, struct error *err)
{
    struct stat_state *state = task->state;

    if (state->roots == NULL && !begin(task, err))
        return dag_command_fail(err);
    while (state->done_count < task->call->argument_count) {
        enum dag_walk_step step = walk_root(task, err);

        if (step == DAG_WALK_BAD)
            return dag_command_fail(err);
        if (step == DAG_WALK_MORE || task_is_due(task))
            return TASK_GO_ON;
    }
    if (state->bytes == 0 &&
        !state->is_text) { /* the ratio of nothing to nothing; its words are Kubo's */
        task_begin_reply(task);
        error_set(err, ERROR_UNSUPPORTED, "json: unsupported value: NaN");
        return dag_command_fail(err);
    }
    put_stat(&task->out, state, true);
    return TASK_DONE;
}

static void dispose_dag_stat(struct task *task)
{
    struct stat_state *state = task->state;

    dag_walk_destroy(&state->walk);
    walk_disk_destroy(&state->known);
    free(state->roots);
}

const struct task_command command_dag_stat = {.id = COMMAND_DAG_STAT,
                                              .state_size = sizeof(struct stat_state),
                                              .run = run_dag_stat,
                                              .dispose = dispose_dag_stat,
                                              .is_lines = true};

// SPDX-License-Identifier: Apache-2.0
/* pin/add: one argument after the other; those before one that fails stay pinned, as in Kubo. What
 * is pinned already is walked again, so that a pin is never renewed over blocks that are missing;
 * until that has ended it stays as it was (Kubo takes it away meanwhile). */
#include "http/loop.h"
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/reply.h"

enum { PROGRESS_MS = 500 };

struct state {
    struct reply_form form;
    size_t next; /* argument */
    struct cid cid;
    struct dag_walk *walk;  /* of that argument; NULL: not begun */
    uint64_t blocks, bytes; /* of the arguments before */
    struct text pins;       /* their CIDs, as the reply has them */
    uint64_t told_ms;
    bool is_begun;
};

static bool begin(struct task *task, struct state *state, struct error *err)
{
    state->is_begun = true;
    state->told_ms = clock_us() / 1000;
    if (call_option_bool(task->call, OPT_PROGRESS, false))
        task_reply(task, "application/json", TASK_LINES_HEADER);
    return pins_check_name(call_option_text(task->call, OPT_NAME), err) &&
           reply_form_of(task->call, &state->form, err);
}

/* {"Progress":blocks,"Bytes":n}, where Go leaves out what is zero. */
static void put_progress(struct task *task, uint64_t blocks, uint64_t bytes)
{
    text_put_char(&task->out, '{');
    if (blocks > 0)
        text_put_format(&task->out, "\"Progress\":%llu", (unsigned long long)blocks);
    if (bytes > 0)
        text_put_format(&task->out, ",\"Bytes\":%llu", (unsigned long long)bytes);
    text_put_text(&task->out, "}\n");
}

static void tell(struct task *task, struct state *state)
{
    const struct walk_stats *stats = dag_walk_stats(state->walk);
    uint64_t now_ms = clock_us() / 1000;

    if (!call_option_bool(task->call, OPT_PROGRESS, false) || now_ms - state->told_ms < PROGRESS_MS)
        return;
    state->told_ms = now_ms;
    put_progress(task, state->blocks + stats->blocks, state->bytes + stats->bytes);
}

static void put_end(struct task *task, const struct state *state)
{
    if (call_option_bool(task->call, OPT_PROGRESS, false) && state->blocks > 0)
        put_progress(task, state->blocks, state->bytes);
    text_put_format(&task->out, "{\"Pins\":[%.*s]}\n", SLICE_ARGS(text_slice(&state->pins)));
}

static bool resolve(struct task *task, struct state *state, struct error *err)
{
    struct path_end end;

    if (!path_resolve(task, &task->call->arguments[state->next].path, &end, err))
        return false;
    state->cid = end.cid;
    state->walk = dag_walk_create(task->node, NULL, err);
    if (state->walk == NULL)
        return false;
    if (!call_option_bool(task->call, OPT_RECURSIVE, true))
        return true;
    dag_walk_skip_leaves(state->walk);
    return dag_walk_add_roots(state->walk, &state->cid, 1, err);
}

/* Kubo reads the root whether it walks or not, and pins nothing that it has no codec for. */
static bool pin(struct task *task, struct state *state, struct error *err)
{
    bool is_recursive = call_option_bool(task->call, OPT_RECURSIVE, true);
    struct slice root;

    return (is_recursive || task_get(task, &state->cid, &root, err)) &&
           pins_add(task->node->pins, &state->cid, is_recursive ? PIN_RECURSIVE : PIN_DIRECT,
                    call_option_text(task->call, OPT_NAME), err);
}

static void end_argument(struct state *state)
{
    const struct walk_stats *stats = dag_walk_stats(state->walk);

    state->blocks += stats->blocks;
    state->bytes += stats->bytes;
    dag_walk_destroy(&state->walk);
    if (state->pins.size > 0)
        text_put_char(&state->pins, ',');
    reply_put_cid_string(&state->pins, &state->form, &state->cid);
    state->next++;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;

    if (!state->is_begun && !begin(task, state, err))
        return TASK_FAILED;
    while (state->next < task->call->argument_count) {
        if (state->walk == NULL && !resolve(task, state, err))
            return TASK_FAILED;
        switch (dag_walk_run(state->walk, task, NULL, NULL, err)) {
        case DAG_WALK_MORE:
            tell(task, state);
            return TASK_GO_ON;
        case DAG_WALK_DONE:
            if (pin(task, state, err))
                break;
            error_prefix(err, "pin");
            return TASK_FAILED;
        case DAG_WALK_BAD:
            error_prefix(err, "pin");
            return TASK_FAILED;
        }
        end_argument(state);
        if (task_is_due(task))
            return TASK_GO_ON;
    }
    put_end(task, state);
    return TASK_DONE;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    dag_walk_destroy(&state->walk);
    text_dispose(&state->pins);
}

const struct task_command command_pin_add = {
    .id = COMMAND_PIN_ADD,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .writes = true,
};

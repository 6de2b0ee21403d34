// SPDX-License-Identifier: Apache-2.0
/* pin/update: all of the new object is walked (Kubo: what the old one does not have), then both
 * pins change in one step. */
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/reply.h"

enum { FROM, TO };

struct state {
    struct cid cids[2];
    struct dag_walk *walk; /* NULL: not begun */
    bool is_same;          /* nothing is to be done */
};

/* Kubo reads both roots before it compares them. */
static bool find_root(struct task *task, const struct cid *cid, struct error *err)
{
    struct slice block;
    struct text name = {0};

    if (task_get(task, cid, &block, err))
        return true;
    cid_print(cid, CID_BASE_DEFAULT, &name);
    error_prefix(err, "get %s", name.data);
    text_dispose(&name);
    return false;
}

static bool begin(struct task *task, struct state *state, struct error *err)
{
    struct path_end end;

    for (size_t i = FROM; i <= TO; i++) {
        if (!path_resolve(task, &task->call->arguments[i].path, &end, err))
            return false;
        state->cids[i] = end.cid;
    }
    if (!pins_check_update(task->node->pins, &state->cids[FROM], &state->cids[TO], err))
        return false;
    state->is_same = cid_equal(&state->cids[FROM], &state->cids[TO]);
    if (!state->is_same &&
        (!find_root(task, &state->cids[FROM], err) || !find_root(task, &state->cids[TO], err)))
        return false;
    state->walk = dag_walk_create(task->node, NULL, err);
    if (state->walk == NULL)
        return false;
    dag_walk_skip_leaves(state->walk);
    return state->is_same || dag_walk_add_roots(state->walk, &state->cids[TO], 1, err);
}

static bool end(struct task *task, const struct state *state, struct error *err)
{
    struct reply_form form;

    if (!reply_form_of(task->call, &form, err) ||
        !pins_update(task->node->pins, &state->cids[FROM], &state->cids[TO],
                     call_option_bool(task->call, OPT_UNPIN, true), err))
        return false;
    text_put_text(&task->out, "{\"Pins\":[");
    reply_put_cid_string(&task->out, &form, &state->cids[FROM]);
    text_put_char(&task->out, ',');
    reply_put_cid_string(&task->out, &form, &state->cids[TO]);
    text_put_text(&task->out, "]}\n");
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;

    if (state->walk == NULL && !begin(task, state, err))
        return TASK_FAILED;
    switch (dag_walk_run(state->walk, task, NULL, NULL, err)) {
    case DAG_WALK_MORE:
        return TASK_GO_ON;
    case DAG_WALK_DONE:
        return end(task, state, err) ? TASK_DONE : TASK_FAILED;
    case DAG_WALK_BAD:
        break;
    }
    return TASK_FAILED;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    dag_walk_destroy(&state->walk);
}

const struct task_command command_pin_update = {
    .id = COMMAND_PIN_UPDATE,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .writes = true,
};

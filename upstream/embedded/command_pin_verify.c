// SPDX-License-Identifier: Apache-2.0
/* pin/verify: a line for each recursive pin below which blocks are damaged or missing, or for all
 * with `verbose`. A bad block is named once for a pin (Kubo names it for each link to it). */
#include "upstream/embedded/node.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/pin_walk.h"
#include "upstream/embedded/reply.h"

struct state {
    struct task *task; /* of this slice */
    struct reply_form form;
    bool is_verbose, is_quiet;
    struct pin_walk *walk; /* NULL: not begun */
    bool is_bad;           /* the pin that is walked */
    bool was_bad;          /* one before: what lies below it was seen, and is not walked again */
};

static void put_cid(struct state *state, const char *before, const struct cid *cid)
{
    text_put_text(&state->task->out, before);
    reply_put_cid_string(&state->task->out, &state->form, cid);
}

static bool on_bad(void *state_, const struct cid *cid, const struct error *why, struct error *err)
{
    struct state *state = state_;
    struct text *out = &state->task->out;

    if (!state->is_bad)
        put_cid(state, "{\"Cid\":", pin_walk_root(state->walk));
    if (!state->is_quiet) {
        text_put_text(out, state->is_bad ? "," : ",\"BadNodes\":[");
        put_cid(state, "{\"Cid\":", cid);
        text_put_text(out, ",\"Err\":");
        reply_put_string(out, slice_of(why->text));
        text_put_char(out, '}');
    }
    state->is_bad = true;
    return true;
}

/* As soon as one pin is bad the next are walked each by itself: what they share may be bad. */
static bool on_pin(void *state_, const struct cid *root, struct error *err)
{
    struct state *state = state_;

    if (state->is_bad) {
        text_put_text(&state->task->out, state->is_quiet ? "}\n" : "]}\n");
    } else if (state->is_verbose) {
        put_cid(state, "{\"Cid\":", root);
        text_put_text(&state->task->out, ",\"Ok\":true}\n");
    }
    state->was_bad |= state->is_bad;
    state->is_bad = false;
    if (state->was_bad)
        pin_walk_forget(state->walk);
    return true;
}

static bool begin(struct task *task, struct state *state, struct error *err)
{
    const struct pin_walk_settings settings = {.on_bad = on_bad, .on_pin = on_pin, .arg = state};

    state->is_verbose = call_option_bool(task->call, OPT_VERBOSE, false);
    state->is_quiet = call_option_bool(task->call, OPT_QUIET, false);
    if (state->is_verbose && state->is_quiet)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the --verbose and --quiet options can not be used at the same time");
    if (!reply_form_of(task->call, &state->form, err))
        return false;
    state->walk = pin_walk_create(task->node, &settings);
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;

    state->task = task;
    if (state->walk == NULL && !begin(task, state, err))
        return TASK_FAILED;
    switch (pin_walk_run(state->walk, task, err)) {
    case DAG_WALK_MORE:
        return TASK_GO_ON;
    case DAG_WALK_DONE:
        return TASK_DONE;
    case DAG_WALK_BAD:
        break;
    }
    return TASK_FAILED;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    pin_walk_destroy(&state->walk);
}

const struct task_command command_pin_verify = {
    .id = COMMAND_PIN_VERIFY,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .is_lines = true,
};

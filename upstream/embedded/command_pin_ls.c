// SPDX-License-Identifier: Apache-2.0
/* pin/ls: all pins, or those of the arguments (pin_keys.h). With `stream` each is told when it is
 * found; without, Kubo answers with one map, which is sorted by the texts of CIDs. */
#include "upstream/embedded/node.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/pin_keys.h"
#include "upstream/embedded/pin_walk.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/sorter.h"

enum { PAGE = 256 };

enum part { PART_RECURSIVE, PART_DIRECT, PART_INDIRECT, PART_KEYS, PART_REPLY };

struct state {
    struct task *task; /* of this slice */
    struct reply_form form;
    struct slice type, name; /* of the call; type "all" by default */
    bool has_names, is_stream, is_begun;
    enum part part;
    struct cid after; /* of this part, the last pin that was seen */
    bool has_after;
    bool has_failed; /* a callback that cannot say so: failure says why */
    struct error failure;
    struct pin_walk *walk;
    struct pin_keys *keys;
    struct sorter *sorter; /* NULL: stream */
    bool has_output;       /* of the map */
    struct text key, value;
};

/* ---- one pin */

static void put_value(struct state *state, struct slice type, const struct cid *via,
                      struct slice name)
{
    struct text *value = &state->value;

    text_clear(value);
    text_put_text(value, "{\"Type\":\"");
    text_put_slice(value, type);
    if (via != NULL) {
        text_put_text(value, " through ");
        reply_put_cid(value, &state->form, via);
    }
    text_put_text(value, "\",\"Name\":");
    reply_put_string(value, name);
    text_put_char(value, '}');
}

/* Of what is streamed Go leaves out an empty name, and has the name before the type. */
static void put_line(struct state *state, struct slice type, const struct cid *via,
                     struct slice name)
{
    struct text *out = &state->task->out;

    text_put_format(out, "{\"Cid\":\"%s\"", state->key.data);
    if (name.size > 0) {
        text_put_text(out, ",\"Name\":");
        reply_put_string(out, name);
    }
    text_put_format(out, ",\"Type\":\"%.*s", SLICE_ARGS(type));
    if (via != NULL) {
        text_put_text(out, " through ");
        reply_put_cid(out, &state->form, via);
    }
    text_put_text(out, "\"}\n");
}

/* via: of an indirect pin that was asked for, the pin it lies below; else NULL. */
static bool tell(void *state_, const struct cid *cid, struct slice type, const struct cid *via,
                 struct slice name, struct error *err)
{
    struct state *state = state_;

    if (!state->has_names)
        name.size = 0;
    text_clear(&state->key);
    reply_put_cid(&state->key, &state->form, cid);
    if (state->sorter == NULL) {
        put_line(state, type, via, name);
        return true;
    }
    put_value(state, type, via, name);
    return sorter_put(state->sorter, text_slice(&state->key), text_slice(&state->value), err);
}

/* ---- all pins */

static bool has_name(const struct state *state, struct slice name)
{
    return state->name.size == 0 ||
           (name.size >= state->name.size &&
            memmem(name.data, name.size, state->name.data, state->name.size) != NULL);
}

static bool on_pin(void *state_, const struct cid *cid, struct slice name)
{
    struct state *state = state_;

    state->after = *cid;
    state->has_after = true;
    if (has_name(state, name))
        state->has_failed =
            !tell(state, cid, state->part == PART_DIRECT ? SLICE("direct") : SLICE("recursive"),
                  NULL, name, &state->failure);
    return !state->has_failed;
}

static bool list_page(struct task *task, struct state *state, bool *is_end, struct error *err)
{
    enum pin_mode mode = state->part == PART_DIRECT ? PIN_DIRECT : PIN_RECURSIVE;
    size_t count;

    if (!pins_list(task->node->pins, mode, state->has_after ? &state->after : NULL, PAGE, on_pin,
                   state, &count, err))
        return false;
    if (state->has_failed)
        return error_copy(err, &state->failure);
    *is_end = count < PAGE;
    return true;
}

/* What has a pin of its own is no indirect one. */
static bool on_block(void *state_, const struct cid *cid, struct slice block, struct error *err)
{
    struct state *state = state_;
    enum pin_mode mode;

    return pins_find(state->task->node->pins, cid, &mode, NULL, err) &&
           (mode != PIN_NONE ||
            tell(state, cid, SLICE("indirect"), NULL, (struct slice){NULL, 0}, err));
}

static bool walk_page(struct task *task, struct state *state, bool *is_end, struct error *err)
{
    const struct pin_walk_settings settings = {.on_block = on_block, .arg = state};

    if (state->name.size > 0) { /* indirect pins have none */
        *is_end = true;
        return true;
    }
    if (state->walk == NULL)
        state->walk = pin_walk_create(task->node, &settings);
    switch (pin_walk_run(state->walk, task, err)) {
    case DAG_WALK_DONE:
        *is_end = true;
        return true;
    case DAG_WALK_MORE:
        return true;
    case DAG_WALK_BAD:
        break;
    }
    return false;
}

static enum part next_part(const struct state *state)
{
    if (!slice_is(state->type, "all") || state->part >= PART_INDIRECT)
        return PART_REPLY;
    return state->part + 1;
}

/* ---- the reply without stream */

static bool put_map(struct task *task, struct state *state, bool *is_end, struct error *err)
{
    struct slice key, value;

    do {
        if (!sorter_next(state->sorter, &key, &value, is_end, err))
            return false;
        if (*is_end) {
            text_put_text(&task->out, state->has_output ? "}}\n" : "{}\n");
            return true;
        }
        text_put_format(&task->out, "%s\"%.*s\":%.*s", state->has_output ? "," : "{\"Keys\":{",
                        SLICE_ARGS(key), SLICE_ARGS(value));
        state->has_output = true;
    } while (!task_is_due(task));
    return true;
}

/* ---- */

static bool find_part(struct state *state, bool has_arguments, struct error *err)
{
    static const char *const types[] = {"recursive", "direct", "indirect", "all"};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (slice_is(state->type, types[i])) {
            state->part = has_arguments ? PART_KEYS : i <= PART_INDIRECT ? (enum part)i : 0;
            return true;
        }
    return error_set(err, ERROR_UNSUPPORTED,
                     "invalid type '%.*s', must be one of {direct, indirect, recursive, all}",
                     SLICE_ARGS(state->type));
}

static bool begin(struct task *task, struct state *state, struct error *err)
{
    state->is_begun = true;
    state->type = call_has_option(task->call, OPT_TYPE) ? call_option_text(task->call, OPT_TYPE)
                                                        : SLICE("all");
    state->name = call_option_text(task->call, OPT_NAME);
    state->has_names = call_option_bool(task->call, OPT_NAMES, false) || state->name.size > 0;
    state->is_stream = call_option_bool(task->call, OPT_STREAM, false);
    if (!pins_check_name(state->name, err) ||
        !find_part(state, task->call->argument_count > 0, err) ||
        !reply_form_of(task->call, &state->form, err))
        return false;
    if (state->is_stream)
        task_reply(task, "application/json", TASK_LINES_HEADER);
    else
        state->sorter = sorter_create(task->node->scratch, 0);
    return true;
}

static bool run_keys(struct task *task, struct state *state, bool *is_end, struct error *err)
{
    if (state->keys == NULL)
        state->keys = pin_keys_create(task, state->type, tell, state);
    return pin_keys_run(state->keys, task, is_end, err);
}

static bool run_part(struct task *task, struct state *state, bool *is_end, struct error *err)
{
    switch (state->part) {
    case PART_RECURSIVE:
    case PART_DIRECT:
        return list_page(task, state, is_end, err);
    case PART_INDIRECT:
        return walk_page(task, state, is_end, err);
    case PART_KEYS:
        return run_keys(task, state, is_end, err);
    case PART_REPLY:
        break;
    }
    if (state->sorter != NULL)
        return put_map(task, state, is_end, err);
    *is_end = true;
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;
    bool is_end;

    state->task = task;
    if (!state->is_begun && !begin(task, state, err))
        return TASK_FAILED;
    do {
        is_end = false;
        if (!run_part(task, state, &is_end, err))
            return TASK_FAILED;
        if (is_end && state->part == PART_REPLY)
            return TASK_DONE;
        if (is_end) {
            state->part = next_part(state);
            state->has_after = false;
        }
    } while (!task_is_due(task));
    return TASK_GO_ON;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    pin_walk_destroy(&state->walk);
    pin_keys_destroy(&state->keys);
    sorter_destroy(&state->sorter);
    text_dispose(&state->key);
    text_dispose(&state->value);
}

const struct task_command command_pin_ls = {
    .id = COMMAND_PIN_LS,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
};

// SPDX-License-Identifier: Apache-2.0
/* dag/put: each part of the body is a node in the input codec, and becomes a block in the store
 * codec. */
#include "ipfs/dag_codec.h"
#include "ipfs/hash.h"
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/import_body.h"
#include "upstream/embedded/import_wait.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pins.h"

enum {
    INPUT_MAX = 8 << 20, /* of one node: it is in memory as it came, as a node, and as a block */
    BLOCK_MAX = 2 << 20, /* unless allow-big-block */
};

struct put_state {
    bool has_begun;
    uint64_t input, store, hash; /* codes */
    struct import_body body;
    struct import_wait wait; /* what has come of the part */
    struct cid stored;       /* to be pinned when it is durable */
    bool pins, is_pin_due;
};

static bool find_code(const struct call *call, enum command_option_id option, const char *otherwise,
                      uint64_t *code, struct error *err)
{
    struct slice name = call_option_text(call, option);

    return dag_codec_find(name.data != NULL ? name : slice_of(otherwise), code, err);
}

/* Those that the multicodec table names, and that are no hash or none of ours. */
static bool check_hash(uint64_t code, struct error *err)
{
    if (hash_is_supported(code))
        return true;
    if (hash_name(code).text[0] != '0')
        return error_set(err, ERROR_UNSUPPORTED, "the hash %s is not supported by this node",
                         hash_name(code).text);
    return error_set(err, ERROR_UNSUPPORTED,
                     "invalid cid: unknown multihash code %llu (0x%llx): no such hash registered",
                     (unsigned long long)code, (unsigned long long)code);
}

static bool begin(struct task *task, struct error *err)
{
    struct put_state *state = task->state;
    struct slice hash = call_option_text(task->call, OPT_HASH);

    state->has_begun = true;
    state->pins = call_option_bool(task->call, OPT_PIN, false);
    return find_code(task->call, OPT_INPUT_CODEC, "dag-json", &state->input, err) &&
           find_code(task->call, OPT_STORE_CODEC, "dag-cbor", &state->store, err) &&
           dag_codec_find(hash.size > 0 ? hash : SLICE("sha2-256"), &state->hash, err) &&
           dag_codec_check(state->input, DAG_CODEC_DECODER, err) &&
           dag_codec_check(state->store, DAG_CODEC_ENCODER, err) && check_hash(state->hash, err);
}

static bool take(struct put_state *state, struct slice data, struct error *err)
{
    if (import_wait_size(&state->wait) + data.size > INPUT_MAX)
        return error_set(err, ERROR_LIMIT, "a node of more than the %d bytes that are read",
                         INPUT_MAX);
    import_wait_put(&state->wait, data);
    return true;
}

static bool check_size(const struct task *task, size_t size, struct error *err)
{
    const struct put_state *state = task->state;

    if (size > BLOCK_MAX && !call_option_bool(task->call, OPT_ALLOW_BIG_BLOCK, false))
        return error_set(err, ERROR_LIMIT,
                         "produced block is over 2MiB: big blocks can't be exchanged with other "
                         "peers. consider using UnixFS for automatic chunking of bigger files, or "
                         "pass --allow-big-block to override");
    if (state->hash == HASH_IDENTITY && size > CID_DIGEST_MAX)
        return error_set(err, ERROR_LIMIT,
                         "digest too large: identity digest got %zu bytes, maximum %d", size,
                         CID_DIGEST_MAX);
    return true;
}

static bool put_block(struct task *task, struct slice block, struct error *err)
{
    struct put_state *state = task->state;

    if (!check_size(task, block.size, err))
        return false;
    hash_make_cid(&state->stored, 1, state->store, state->hash, block);
    if (state->hash != HASH_IDENTITY && !hash_check(state->hash, state->stored.digest_size, NULL))
        return error_set(err, ERROR_UNSUPPORTED, "potentially insecure hash functions not allowed");
    if (!task_put(task, &state->stored, block, err))
        return false;
    text_put_text(&task->out, "{\"Cid\":{\"/\":\"");
    cid_print(&state->stored, CID_BASE_DEFAULT, &task->out);
    text_put_text(&task->out, "\"}}\n");
    return true;
}

static bool put_part(struct task *task, struct error *err)
{
    struct put_state *state = task->state;
    struct dag_node node = {0};
    struct text block = {0};
    struct slice part;
    bool is_put = import_wait_whole(&state->wait, &part, err) &&
                  dag_codec_decode(&node, state->input, part, err) &&
                  dag_codec_encode(&node, state->store, &block, err) &&
                  put_block(task, text_slice(&block), err);

    dag_node_dispose(&node);
    text_dispose(&block);
    import_wait_clear(&state->wait);
    return is_put;
}

/* Kubo does not look at what lies below it, either. */
static bool pin(struct task *task, struct error *err)
{
    struct put_state *state = task->state;

    state->is_pin_due = false;
    return pins_add(task->node->pins, &state->stored, PIN_RECURSIVE, SLICE(""), err);
}

/* The body's next step; *go_on: out, there may be more. */
static enum task_step step(struct task *task, bool *goes_on, struct error *err)
{
    struct put_state *state = task->state;
    struct slice data;

    *goes_on = false;
    switch (import_body_next_file(&state->body, task, "expected a regular file", &data, err)) {
    case IMPORT_MORE:
        return TASK_WANTS_INPUT;
    case IMPORT_END:
        return TASK_DONE;
    case IMPORT_BAD:
        return dag_command_fail(err);
    case IMPORT_PART:
        break;
    case IMPORT_DATA:
        if (!take(state, data, err))
            return dag_command_fail(err);
        break;
    case IMPORT_PART_END:
        if (!put_part(task, err))
            return dag_command_fail(err);
        state->is_pin_due = state->pins;
        if (state->pins)
            return TASK_WANTS_STORED;
    }
    *goes_on = !task_is_due(task);
    return TASK_GO_ON;
}

static enum task_step run_dag_put(struct task *task, struct error *err)
{
    struct put_state *state = task->state;
    enum task_step result;
    bool goes_on;

    if ((!state->has_begun && !begin(task, err)) || (state->is_pin_due && !pin(task, err)))
        return dag_command_fail(err);
    do
        result = step(task, &goes_on, err);
    while (goes_on);
    if (result == TASK_FAILED)
        return result;
    if (!import_wait_settle(&state->wait, task->node->scratch, task_is_short_of_memory(task), err))
        return dag_command_fail(err);
    task_hold(task, state->wait.memory.capacity);
    return result;
}

static void dispose_dag_put(struct task *task)
{
    struct put_state *state = task->state;

    import_body_dispose(&state->body);
    import_wait_dispose(&state->wait);
}

const struct task_command command_dag_put = {.id = COMMAND_DAG_PUT,
                                             .state_size = sizeof(struct put_state),
                                             .run = run_dag_put,
                                             .dispose = dispose_dag_put,
                                             .writes = true,
                                             .is_lines = true};

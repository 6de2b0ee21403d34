// SPDX-License-Identifier: Apache-2.0
/* dag/get: a node, or what lies at a path inside it, in any codec. Of a node that the codec cannot
 * write, what it had written until then is sent, and the failure behind it, as in Kubo. */
#include "ipfs/dag_codec.h"
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/paths.h"

static bool find_codec(const struct call *call, uint64_t *codec, struct error *err)
{
    struct slice name = call_option_text(call, OPT_OUTPUT_CODEC);

    return dag_codec_find(name.data != NULL ? name : SLICE("dag-json"), codec, err);
}

/* What is shown for what dag-pb does not have is nothing that dag-pb could write. */
static bool decode(struct dag_node *node, uint64_t codec, struct slice block, uint64_t output,
                   struct error *err)
{
    return codec == CODEC_DAG_PB && output == CODEC_DAG_PB
               ? dag_codec_decode(node, codec, block, err)
               : dag_codec_show(node, codec, block, err);
}

static bool go_down(struct dag_node *node, struct slice path, struct error *err)
{
    uint32_t at = 0;

    while (path.size > 0) { /* "/a/b" */
        const char *slash = memchr(path.data + 1, '/', path.size - 1);
        size_t size = slash != NULL ? (size_t)(slash - path.data) : path.size;

        if (!dag_node_lookup(node, at, (struct slice){path.data + 1, size - 1}, &at, err))
            return false;
        path = (struct slice){path.data + size, path.size - size};
    }
    dag_node_keep(node, at);
    return true;
}

static bool check_encoder(const struct call *call, uint64_t codec, struct error *err)
{
    struct slice name = call_option_text(call, OPT_OUTPUT_CODEC);
    struct error why = {0};

    return dag_codec_check(codec, DAG_CODEC_ENCODER, &why) ||
           error_set(err, why.code, "invalid encoding: %.*s - %s", SLICE_ARGS(name), why.text);
}

static bool get(struct task *task, struct dag_node *node, uint64_t output, struct error *err)
{
    struct path_end end;
    struct slice block;

    if (!path_resolve(task, &task->call->arguments[0].path, &end, err) ||
        !task_get(task, &end.cid, &block, err) ||
        !decode(node, end.cid.codec, block, output, err) || !go_down(node, end.rest, err))
        return false;
    if (!check_encoder(task->call, output, err))
        return false;
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    task_begin_reply(task);
    return dag_codec_encode(node, output, &task->out, err);
}

static enum task_step run_dag_get(struct task *task, struct error *err)
{
    struct dag_node node = {0};
    uint64_t output;
    bool is_done = find_codec(task->call, &output, err) && get(task, &node, output, err);

    dag_node_dispose(&node);
    return is_done ? TASK_DONE : dag_command_fail(err);
}

const struct task_command command_dag_get = {.id = COMMAND_DAG_GET, .run = run_dag_get};

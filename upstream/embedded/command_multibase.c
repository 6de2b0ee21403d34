// SPDX-License-Identifier: Apache-2.0
/* multibase/encode, decode, transcode: a file's bytes as text, and back. */
#include "ipfs/multibase.h"
#include "upstream/embedded/import_body.h"
#include "upstream/embedded/node_commands.h"
#include "upstream/embedded/reply.h"

/* One piece of memory, as in Kubo, but with a bound. */
enum { DATA_MAX = 1 << 20 };

struct conversion {
    struct import_body body;
    struct text data;
};

static void dispose(struct task *task)
{
    struct conversion *conversion = task->state;

    import_body_dispose(&conversion->body);
    text_dispose(&conversion->data);
}

/* TASK_DONE: the first file is whole. */
static enum task_step read_file(struct task *task, struct error *err)
{
    struct conversion *conversion = task->state;
    struct slice data;

    for (;;) {
        switch (import_body_next_file(&conversion->body, task, "expected a file", &data, err)) {
        case IMPORT_MORE:
            return TASK_WANTS_INPUT;
        case IMPORT_PART:
            break;
        case IMPORT_DATA:
            text_put_slice(&conversion->data, data);
            if (conversion->data.size <= DATA_MAX)
                break;
            error_set(err, ERROR_LIMIT, "the file has more than %d bytes", DATA_MAX);
            return TASK_FAILED;
        case IMPORT_PART_END:
        case IMPORT_END:
            return TASK_DONE;
        case IMPORT_BAD:
            return TASK_FAILED;
        }
    }
}

static bool find_base(struct task *task, char *prefix, struct error *err)
{
    struct slice name = call_option_text(task->call, OPT_B);

    *prefix = CID_BASE_64URL;
    return name.size == 0 || reply_find_base(name, prefix, err);
}

static bool encode(struct task *task, char prefix, struct slice data, struct error *err)
{
    bool is_number = prefix == CID_BASE_36 || prefix == 'K' || prefix == CID_BASE_58BTC;

    if (is_number && data.size > MULTIBASE_RADIX_MAX)
        return error_set(err, ERROR_LIMIT, "%s: more than %d bytes", multibase_name(prefix),
                         MULTIBASE_RADIX_MAX);
    multibase_encode(prefix, data.data, data.size, &task->out);
    return true;
}

static bool decode(struct slice text, struct text *out, struct error *err)
{
    struct error cause = {0};
    size_t size;

    if (text.size == 0 || multibase_name(text.data[0]) == NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "failed to decode multibase: selected encoding not supported");
    if (!multibase_decode(text, (uint8_t *)text_reserve(out, text.size), text.size, &size, &cause))
        return error_set(err, ERROR_UNSUPPORTED, "failed to decode multibase: %s", cause.text);
    out->size = size;
    return true;
}

static enum task_step run_encode(struct task *task, struct error *err)
{
    struct conversion *conversion = task->state;
    enum task_step step;
    char prefix;

    if (!find_base(task, &prefix, err))
        return TASK_FAILED;
    step = read_file(task, err);
    if (step == TASK_DONE && !encode(task, prefix, text_slice(&conversion->data), err))
        return TASK_FAILED;
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    return step;
}

static enum task_step run_decode(struct task *task, struct error *err)
{
    struct conversion *conversion = task->state;
    enum task_step step = read_file(task, err);

    if (step == TASK_DONE && !decode(text_slice(&conversion->data), &task->out, err))
        return TASK_FAILED;
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    return step;
}

static bool transcode(struct task *task, char prefix, struct slice text, struct error *err)
{
    struct text bytes = {0};
    bool is_done = decode(text, &bytes, err) && encode(task, prefix, text_slice(&bytes), err);

    text_dispose(&bytes);
    return is_done;
}

static enum task_step run_transcode(struct task *task, struct error *err)
{
    struct conversion *conversion = task->state;
    enum task_step step;
    char prefix;

    if (!find_base(task, &prefix, err))
        return TASK_FAILED;
    step = read_file(task, err);
    if (step == TASK_DONE && !transcode(task, prefix, text_slice(&conversion->data), err))
        return TASK_FAILED;
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    return step;
}

#define CONVERSION(which, run_it)                                                                  \
    {                                                                                              \
        .id = (which), .state_size = sizeof(struct conversion), .run = (run_it),                   \
        .dispose = dispose                                                                         \
    }

const struct task_command command_multibase_encode =
    CONVERSION(COMMAND_MULTIBASE_ENCODE, run_encode);
const struct task_command command_multibase_decode =
    CONVERSION(COMMAND_MULTIBASE_DECODE, run_decode);
const struct task_command command_multibase_transcode =
    CONVERSION(COMMAND_MULTIBASE_TRANSCODE, run_transcode);

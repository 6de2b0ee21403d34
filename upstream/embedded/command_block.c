// SPDX-License-Identifier: Apache-2.0
/* block/get, block/stat. */
#include "upstream/embedded/paths.h"
#include "upstream/embedded/read_commands.h"
#include "upstream/embedded/reply.h"

static enum task_step run_get(struct task *task, struct error *err)
{
    struct path_end end;
    struct slice block;

    if (!path_resolve(task, &task->call->arguments[0].path, &end, err) ||
        !task_get(task, &end.cid, &block, err))
        return TASK_FAILED;
    task_reply(task, "application/vnd.ipld.raw", TASK_STREAM_HEADER);
    text_put_slice(&task->out, block);
    return TASK_DONE;
}

const struct task_command command_block_get = {.id = COMMAND_BLOCK_GET, .run = run_get};

static enum task_step run_stat(struct task *task, struct error *err)
{
    struct reply_form form;
    struct path_end end;
    uint32_t size;

    if (!reply_form_of(task->call, &form, err) ||
        !path_resolve(task, &task->call->arguments[0].path, &end, err) ||
        !task_size(task, &end.cid, &size, err))
        return TASK_FAILED;
    text_put_text(&task->out, "{\"Key\":");
    reply_put_cid_string(&task->out, &form, &end.cid);
    text_put_format(&task->out, ",\"Size\":%u}\n", size);
    return TASK_DONE;
}

const struct task_command command_block_stat = {.id = COMMAND_BLOCK_STAT, .run = run_stat};

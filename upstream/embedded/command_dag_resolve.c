// SPDX-License-Identifier: Apache-2.0
/* dag/resolve: the last block of a path, and what of the path lies inside it. */
#include "upstream/embedded/dag_commands.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/reply.h"

static enum task_step run_dag_resolve(struct task *task, struct error *err)
{
    struct path_end end;

    if (!path_resolve(task, &task->call->arguments[0].path, &end, err))
        return dag_command_fail(err);
    text_put_text(&task->out, "{\"Cid\":{\"/\":\"");
    cid_print(&end.cid, CID_BASE_DEFAULT, &task->out);
    text_put_text(&task->out, "\"},\"RemPath\":");
    reply_put_string(&task->out, end.rest);
    text_put_text(&task->out, "}\n");
    return TASK_DONE;
}

const struct task_command command_dag_resolve = {.id = COMMAND_DAG_RESOLVE, .run = run_dag_resolve};

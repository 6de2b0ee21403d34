// SPDX-License-Identifier: Apache-2.0
/* resolve: the last block of a path, and what of the path lies inside it. */
#include "ipfs/multibase.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/read_commands.h"
#include "upstream/embedded/reply.h"

/* The text of the CID in a path, with whatever stands behind it. */
static struct slice cid_of(struct slice path)
{
    const char *colon = memchr(path.data, ':', path.size);
    size_t skip = 0;

    if (slice_starts(path, "/ipfs/") || slice_starts(path, "/ipld/"))
        skip = 6;
    else if (colon != NULL) /* ipfs://, ipfs: */
        skip = (size_t)(colon + 1 - path.data);
    while (skip < path.size && path.data[skip] == '/')
        skip++;
    return (struct slice){path.data + skip, path.size - skip};
}

/* Unless the call asks for a base, it is that of the path. */
static bool choose_form(const struct call *call, struct reply_form *form, struct error *err)
{
    const struct call_argument *argument = &call->arguments[0];
    struct slice cid = cid_of(argument->text);

    if (call_option_text(call, OPT_CID_BASE).size > 0 || argument->path.kind == CALL_PATH_IPNS)
        return reply_form_of(call, form, err);
    *form = (struct reply_form){.base = CID_BASE_DEFAULT};
    if (argument->path.cid.version == 1 && cid.size > 0 && multibase_name(cid.data[0]) != NULL)
        *form = (struct reply_form){(enum cid_base)cid.data[0], true};
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    const struct call_path *path = &task->call->arguments[0].path;
    struct text resolved = {0};
    struct reply_form form;
    struct path_end end;

    if (!choose_form(task->call, &form, err) || !path_resolve(task, path, &end, err))
        return TASK_FAILED;
    text_put_text(&resolved, path->kind == CALL_PATH_IPLD ? "/ipld/" : "/ipfs/");
    reply_put_cid(&resolved, &form, &end.cid);
    text_put_slice(&resolved, end.rest);
    text_put_text(&task->out, "{\"Path\":");
    reply_put_string(&task->out, text_slice(&resolved));
    text_put_text(&task->out, "}\n");
    text_dispose(&resolved);
    return TASK_DONE;
}

const struct task_command command_resolve = {.id = COMMAND_RESOLVE, .run = run};

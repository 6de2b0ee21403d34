// SPDX-License-Identifier: Apache-2.0
/* repo/stat, stats/repo, repo/ls, refs/local: what the node has, by number and by name. */
#include "upstream/embedded/node.h"
#include "upstream/embedded/node_commands.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/usage.h"

enum { PAGE = 1000 };

/* ---- repo/stat, stats/repo */

static enum task_step stat_run(struct task *task, struct error *err)
{
    bool is_size_only = call_option_bool(task->call, OPT_SIZE_ONLY, false);
    struct blocks_totals totals = blocks_totals(task->node->blocks);
    struct node_usage usage;

    if (!node_usage(task->node, &usage, err))
        return TASK_FAILED;
    text_put_format(&task->out,
                    "{\"RepoSize\":%llu,\"StorageMax\":%llu,\"NumObjects\":%llu,\"RepoPath\":",
                    (unsigned long long)usage.used, (unsigned long long)usage.total,
                    (unsigned long long)(is_size_only ? 0 : totals.count));
    reply_put_string(&task->out, slice_of(is_size_only ? "" : task->node->folder));
    text_put_format(&task->out, ",\"Version\":\"%s\"}\n",
                    is_size_only ? "" : "fs-repo@" REPO_VERSION);
    return TASK_DONE;
}

const struct task_command command_repo_stat = {.id = COMMAND_REPO_STAT, .run = stat_run};
const struct task_command command_stats_repo = {.id = COMMAND_STATS_REPO, .run = stat_run};

/* ---- repo/ls, refs/local */

struct listing {
    struct task *task; /* of this slice */
    struct reply_form form;
    struct cid after;
    bool has_after;
};

static void on_listed(void *listing_, const struct cid *cid, uint32_t size)
{
    struct listing *listing = listing_;
    struct text *out = &listing->task->out;

    text_put_text(out, "{\"Ref\":");
    reply_put_cid_string(out, &listing->form, cid);
    text_put_text(out, ",\"Err\":\"\"}\n");
    listing->after = *cid;
    listing->has_after = true;
}

static enum task_step list_run(struct task *task, struct error *err)
{
    struct listing *listing = task->state;
    size_t count;

    listing->task = task;
    if (!reply_form_of(task->call, &listing->form, err))
        return TASK_FAILED;
    do
        if (!blocks_reader_list(task->reader, listing->has_after ? &listing->after : NULL, PAGE,
                                on_listed, listing, &count, err))
            return TASK_FAILED;
    while (count == PAGE && !task_is_due(task));
    return count == PAGE ? TASK_GO_ON : TASK_DONE;
}

const struct task_command command_repo_ls = {
    .id = COMMAND_REPO_LS,
    .state_size = sizeof(struct listing),
    .run = list_run,
    .is_lines = true,
};
const struct task_command command_refs_local = {
    .id = COMMAND_REFS_LOCAL,
    .state_size = sizeof(struct listing),
    .run = list_run,
    .is_lines = true,
};

// SPDX-License-Identifier: Apache-2.0
/* repo/verify: a line for each block, and one more for each that is damaged. */
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/verify.h"

struct state {
    struct task *task; /* of this slice */
    struct verify *verify;
};

static bool drops(const struct task *task)
{
    return call_option_bool(task->call, OPT_DROP, false);
}

static void put_message(struct task *task, const char *message)
{
    text_put_text(&task->out, "{\"Msg\":");
    reply_put_string(&task->out, slice_of(message));
    text_put_text(&task->out, ",\"Progress\":0}\n");
}

static void put_damaged(struct task *task, const struct cid *cid, const struct error *why)
{
    struct text message = {0};

    text_put_text(&message, "block ");
    cid_print(cid, CID_BASE_DEFAULT, &message);
    text_put_format(&message, " was corrupt (%s)%s", why->text, drops(task) ? ", removed" : "");
    put_message(task, message.data);
    text_dispose(&message);
}

static void on_checked(void *state_, const struct cid *cid, const struct error *why,
                       const struct verify_counts *counts)
{
    const struct state *state = state_;

    if (why != NULL)
        put_damaged(state->task, cid, why);
    text_put_format(&state->task->out, "{\"Msg\":\"\",\"Progress\":%llu}\n",
                    (unsigned long long)counts->checked);
}

static enum task_step put_end(struct task *task, const struct verify_counts *counts,
                              struct error *err)
{
    struct text summary = {0};

    if (counts->damaged == 0) {
        put_message(task, "verify complete, all blocks validated.");
        return TASK_DONE;
    }
    text_put_format(&summary, "verify complete, %llu blocks corrupt",
                    (unsigned long long)counts->damaged);
    if (counts->dropped > 0)
        text_put_format(&summary, ", %llu removed", (unsigned long long)counts->dropped);
    if (drops(task))
        put_message(task, summary.data);
    else
        error_set(err, ERROR_MISMATCH, "%s", summary.data);
    text_dispose(&summary);
    return drops(task) ? TASK_DONE : TASK_FAILED;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;

    state->task = task;
    if (call_option_bool(task->call, OPT_HEAL, false)) {
        error_set(err, ERROR_UNSUPPORTED,
                  "this command must be run in online mode. Try running 'ipfs daemon' first");
        return TASK_FAILED;
    }
    if (state->verify == NULL)
        state->verify = verify_create(task->node, drops(task), on_checked, state);
    switch (verify_run(state->verify, task, err)) {
    case VERIFY_MORE:
        return TASK_GO_ON;
    case VERIFY_WAITS:
        return TASK_WAITS;
    case VERIFY_DONE:
        return put_end(task, verify_counts(state->verify), err);
    case VERIFY_BAD:
        break;
    }
    return TASK_FAILED;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    verify_destroy(&state->verify);
}

const struct task_command command_repo_verify = {
    .id = COMMAND_REPO_VERIFY,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .is_lines = true,
};

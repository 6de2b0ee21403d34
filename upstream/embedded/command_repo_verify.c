// SPDX-License-Identifier: Apache-2.0
/* repo/verify: reads and hashes every block. What is damaged is noted by the block store, so that
 * putting it again repairs it. With `drop` damaged blocks are removed: nobody writes meanwhile, so
 * that none goes whose put was just answered (it was found in the index). */
#include "conf/memory.h"
#include "upstream/embedded/gate.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pin_commands.h"
#include "upstream/embedded/reply.h"

#include <stdlib.h>

enum { PAGE = 1000 };

struct state {
    bool is_begun, drops;
    struct gate gate; /* closed while blocks may be dropped */
    struct cid after; /* the last one that was checked */
    bool has_after;
    struct cid *page; /* that is checked */
    size_t page_count, next;
    uint64_t checked, damaged, dropped;
};

/* ---- the reply */

static void put_message(struct task *task, const char *message)
{
    text_put_text(&task->out, "{\"Msg\":");
    reply_put_string(&task->out, slice_of(message));
    text_put_text(&task->out, ",\"Progress\":0}\n");
}

static void put_damaged(struct task *task, const struct cid *cid, const struct error *why,
                        bool is_dropped)
{
    struct text message = {0};

    text_put_text(&message, "block ");
    cid_print(cid, CID_BASE_DEFAULT, &message);
    text_put_format(&message, " was corrupt (%s)%s", why->text, is_dropped ? ", removed" : "");
    put_message(task, message.data);
    text_dispose(&message);
}

static enum task_step put_end(struct task *task, const struct state *state, struct error *err)
{
    struct text summary = {0};

    if (state->damaged == 0) {
        put_message(task, "verify complete, all blocks validated.");
        return TASK_DONE;
    }
    text_put_format(&summary, "verify complete, %llu blocks corrupt",
                    (unsigned long long)state->damaged);
    if (state->dropped > 0)
        text_put_format(&summary, ", %llu removed", (unsigned long long)state->dropped);
    if (state->drops)
        put_message(task, summary.data);
    else
        error_set(err, ERROR_MISMATCH, "%s", summary.data);
    text_dispose(&summary);
    return state->drops ? TASK_DONE : TASK_FAILED;
}

/* ---- one block */

static bool drop(struct task *task, const struct cid *cid, struct error *err)
{
    struct blocks_write *write = blocks_write_create();
    struct blocks_written written;

    blocks_write_remove(write, cid);
    return blocks_write_now(task->node->blocks, &write, &written, err);
}

/* Removed since the page was listed: it is nobody's. */
static bool check(struct task *task, struct state *state, struct blocks_reader *reader,
                  const struct cid *cid, struct error *err)
{
    struct error why = {0};
    struct slice block;

    if (!blocks_reader_get(reader, cid, &block, &why) && why.code != ERROR_NOT_FOUND) {
        if (state->drops && !drop(task, cid, err))
            return false;
        state->damaged++;
        state->dropped += state->drops;
        put_damaged(task, cid, &why, state->drops);
    }
    state->checked++;
    text_put_format(&task->out, "{\"Msg\":\"\",\"Progress\":%llu}\n",
                    (unsigned long long)state->checked);
    return true;
}

/* ---- all of them */

static void on_listed(void *state_, const struct cid *cid, uint32_t size)
{
    struct state *state = state_;

    state->page[state->page_count++] = *cid;
}

static bool list_page(struct state *state, struct blocks_reader *reader, struct error *err)
{
    size_t count;

    if (state->page == NULL)
        state->page = memory_resize_array(NULL, PAGE, sizeof(*state->page));
    if (state->page_count > 0) {
        state->after = state->page[state->page_count - 1];
        state->has_after = true;
    }
    state->page_count = state->next = 0;
    return blocks_reader_list(reader, state->has_after ? &state->after : NULL, PAGE, on_listed,
                              state, &count, err);
}

static enum task_step run_checked(struct task *task, struct state *state,
                                  struct blocks_reader *reader, struct error *err)
{
    do {
        if (state->next == state->page_count && !list_page(state, reader, err))
            return TASK_FAILED;
        if (state->page_count == 0)
            return put_end(task, state, err);
        if (!check(task, state, reader, &state->page[state->next++], err))
            return TASK_FAILED;
    } while (!task_is_due(task));
    return TASK_GO_ON;
}

static bool begin(struct task *task, struct state *state, struct error *err)
{
    state->is_begun = true;
    state->drops = call_option_bool(task->call, OPT_DROP, false);
    if (call_option_bool(task->call, OPT_HEAL, false))
        return error_set(
            err, ERROR_UNSUPPORTED,
            "this command must be run in online mode. Try running 'ipfs daemon' first");
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct state *state = task->state;
    struct blocks_reader *reader;
    enum gate_step gate;
    enum task_step step;

    if (!state->is_begun && !begin(task, state, err))
        return TASK_FAILED;
    if (state->drops && (gate = gate_close(&state->gate, task->node, err)) != GATE_IS_QUIET)
        return gate == GATE_WAITS ? TASK_WAITS : TASK_FAILED;
    reader = blocks_reader_create(task->node->blocks, true);
    step = run_checked(task, state, reader, err);
    blocks_reader_destroy(&reader);
    return step;
}

static void dispose(struct task *task)
{
    struct state *state = task->state;

    gate_open(&state->gate);
    free(state->page);
}

const struct task_command command_repo_verify = {
    .id = COMMAND_REPO_VERIFY,
    .state_size = sizeof(struct state),
    .run = run,
    .dispose = dispose,
    .is_lines = true,
};

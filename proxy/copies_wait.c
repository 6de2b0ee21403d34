// SPDX-License-Identifier: Apache-2.0
#include "proxy/copies_wait.h"

#include "conf/memory.h"
#include "federation/copies.h"
#include "policy/placement.h"

#include <stdlib.h>

enum { PROGRESS_MS = 5000, NS_PER_MS = 1000000, MARGIN_MS = 1000 };

struct copies_wait {
    struct copies_wait_settings settings;
    struct copies_call *call;
    struct later start;
    struct timer tick;
    uint64_t until_ms;
    size_t index;
    uint32_t there, wanted; /* as told last; wanted 0: nothing was */
};

bool copies_wait_is_needed(const struct rpc *rpc, uint32_t copies)
{
    const struct policy *policy = rpc->site->snapshot->policy;

    return rpc->site->context->placer != NULL && policy != NULL &&
           (copies > 1 || policy_placement_wait(policy) > 1);
}

/* ---- progress */

static void on_tick(struct timer *timer)
{
    struct copies_wait *wait = CONTAINER_OF(timer, struct copies_wait, tick);

    timer_arm(wait->settings.rpc->site->loop, timer, PROGRESS_MS);
    if (wait->wanted > 0)
        wait->settings.on_progress(wait->settings.arg, wait->there, wait->wanted);
}

static void on_progress(void *wait_, uint32_t there, uint32_t wanted)
{
    struct copies_wait *wait = wait_;

    wait->there = there;
    wait->wanted = wanted;
    on_tick(&wait->tick);
}

/* ---- one after the other */

static void end(struct copies_wait *wait, int status, const char *why)
{
    timer_disarm(&wait->tick);
    wait->settings.on_end(wait->settings.arg, status, why);
}

static void fail(struct copies_wait *wait, bool is_late, uint32_t there, uint32_t wanted,
                 struct slice why)
{
    struct text cid = {0}, said = {0};

    cid_print(&wait->settings.cids[wait->index], CID_BASE_DEFAULT, &cid);
    text_put_format(&said,
                    "%s is pinned here, and %s: %u of the %u copies that were asked for exist%s "
                    "(%.*s)",
                    cid.data, is_late ? "its copies are not there in time" : "no more copies come",
                    there, wanted, is_late ? "; those on their way go on" : "", SLICE_ARGS(why));
    end(wait, is_late ? 504 : 503, said.data);
    text_dispose(&said);
    text_dispose(&cid);
}

static void wait_next(struct copies_wait *wait);

static void on_done(void *wait_, enum copies_outcome outcome, uint32_t there, uint32_t wanted,
                    struct slice why)
{
    struct copies_wait *wait = wait_;

    wait->call = NULL;
    if (outcome != COPIES_THERE) {
        fail(wait, outcome == COPIES_LATE, there, wanted, why);
        return;
    }
    wait->index++;
    wait->wanted = 0;
    wait_next(wait);
}

static void wait_next(struct copies_wait *wait)
{
    const struct copies_wait_settings *settings = &wait->settings;
    struct loop *loop = settings->rpc->site->loop;
    uint64_t now_ms = loop_now_ms(loop);
    struct copies_wanted wanted = {.copies = settings->copies,
                                   .within_ms =
                                       wait->until_ms > now_ms ? wait->until_ms - now_ms : 0};

    while (wait->index < settings->count && settings->is_left_out != NULL &&
           settings->is_left_out(settings->arg, wait->index))
        wait->index++;
    if (wait->index == settings->count) {
        end(wait, 0, NULL);
        return;
    }
    wanted.object = settings->cids[wait->index];
    copies_start(settings->rpc->site->context->placer, loop, &wait->call, &wanted,
                 settings->on_progress != NULL ? on_progress : NULL, on_done, wait);
}

static void on_start(struct later *later)
{
    wait_next(CONTAINER_OF(later, struct copies_wait, start));
}

/* A client that said a time gives up itself when it is over: what is to be said is said a little
 * before. */
static uint64_t end_of_wait(const struct copies_wait_settings *settings)
{
    const struct call *call = settings->rpc->call;
    uint64_t own_ms = loop_now_ms(settings->rpc->site->loop) + COPIES_WAIT_MS, limit_ms, margin_ms;
    int64_t limit_ns = call_option_number(call, OPT_TIMEOUT, 0);

    if (!call_has_option(call, OPT_TIMEOUT))
        return own_ms;
    limit_ms = limit_ns > 0 ? (uint64_t)limit_ns / NS_PER_MS : 0;
    margin_ms = limit_ms / 10 < MARGIN_MS ? limit_ms / 10 : MARGIN_MS;
    limit_ms = settings->begun_ms + limit_ms - margin_ms;
    return limit_ms < own_ms ? limit_ms : own_ms;
}

struct copies_wait *copies_wait_start(const struct copies_wait_settings *settings)
{
    struct copies_wait *wait = memory_alloc(sizeof(*wait));

    wait->settings = *settings;
    wait->until_ms = end_of_wait(settings);
    wait->tick.fire = on_tick;
    wait->start.run = on_start;
    rpc_leave_writing(settings->rpc);
    loop_later(settings->rpc->site->loop, &wait->start);
    return wait;
}

void copies_wait_destroy(struct copies_wait **wait_ptr)
{
    struct copies_wait *wait = *wait_ptr;

    if (wait == NULL)
        return;
    *wait_ptr = NULL;
    later_cancel(&wait->start);
    timer_disarm(&wait->tick);
    copies_cancel(&wait->call);
    free(wait);
}

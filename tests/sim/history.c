// SPDX-License-Identifier: Apache-2.0
#include "sim.h"

#include "conf/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TROUBLED_MS = 20 * 60 * 1000, MEND_ROUNDS = 12, ROUND_MS = 5 * 60 * 1000 };

uint64_t sim_draw(struct sim *sim, uint64_t below)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return (sim->random >> 11) % below;
}

void sim_check(struct sim *sim, bool holds, unsigned org, unsigned peer, const char *what)
{
    char why[LINK_TEXT_SIZE];

    if (holds)
        return;
    fprintf(stderr,
            "history %" PRIu64 ", at %" PRIu64 " ms, org%u about org%u: not so: %s\n"
            "  (sim_links --history %" PRIu64 " tells it step by step)\n",
            sim->seed, sim->now_ms, org, peer, what, sim->seed);
    for (unsigned i = 0; i < 2; i++) {
        unsigned a = i == 0 ? org : peer, b = i == 0 ? peer : org;
        const struct link *link = &sim->org[a].sides[b].link;

        fprintf(stderr, "  org%u: %s, epoch %" PRIu64 ": %s\n", a,
                link_state_name(link->record.state), link->record.epoch,
                link_why(link, sim_now(sim, a), why));
    }
    exit(1);
}

void sim_trace(struct sim *sim, unsigned org, unsigned peer, const char *format, ...)
{
    va_list arguments;

    if (!sim->traces)
        return;
    printf("%10.3f s  org%u", (double)sim->now_ms / 1000, org);
    if (peer != org)
        printf(" about org%u", peer);
    printf("  ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- what happens */

static void again(struct sim *sim, const struct sim_event *event, uint64_t within_ms)
{
    struct sim_event next = *event;

    next.time_ms = sim->now_ms + 1 + sim_draw(sim, within_ms);
    sim_push(sim, next);
}

static void tick(struct sim *sim, const struct sim_event *event)
{
    struct sim_side *side = sim_side(sim, event->org, event->peer);
    struct link_event link_event = {.kind = LINK_TICK};
    struct link_actions actions;

    if (!sim->org[event->org].is_up || side->tick_ms != event->time_ms)
        return;
    side->tick_ms = 0;
    sim_step(sim, event->org, event->peer, &link_event, &actions);
}

static void happen(struct sim *sim, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_ARRIVAL:
        sim_receive(sim, event->message);
        sim_message_free(event->message);
        return;
    case SIM_TICK:
        tick(sim, event);
        return;
    case SIM_GIVE_UP:
        sim_give_up(sim, event->org, event->peer, event->call);
        return;
    case SIM_WORK:
        if (sim->org[event->org].is_up)
            sim_work(sim, event->org, event->peer);
        again(sim, event, 3000);
        return;
    case SIM_OPERATOR:
        if (!sim->is_troubled)
            return;
        sim_operate(sim, event->org, event->peer);
        again(sim, event, 40000);
        return;
    case SIM_TROUBLE:
        if (!sim->is_troubled)
            return;
        sim_trouble(sim);
        again(sim, event, 5000);
        return;
    }
}

static void run_until(struct sim *sim, uint64_t end_ms)
{
    struct sim_event event;

    while (sim->count > 0 && sim->queue[0].time_ms <= end_ms && sim_pop(sim, &event)) {
        sim->now_ms = event.time_ms;
        happen(sim, &event);
    }
    sim->now_ms = end_ms;
}

/* ---- a history */

static uint64_t mix(uint64_t seed)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    seed = (seed ^ (seed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (seed ^ (seed >> 31)) | 1;
}

static void begin(struct sim *sim)
{
    sim->now_ms = 1;
    sim->is_troubled = true;
    sim->orgs = 2 + (unsigned)sim_draw(sim, SIM_ORGS_MAX - 1);
    for (unsigned org = 0; org < sim->orgs; org++) {
        sim->org[org].roots = sim->org[org].roots_used = 1;
        sim_start(sim, org);
        for (unsigned peer = 0; peer < sim->orgs; peer++) {
            struct sim_event event = {.time_ms = 1, .org = org, .peer = peer};

            sim->path[org][peer] = (struct sim_path){.delay_ms = 50};
            if (peer == org)
                continue;
            event.kind = SIM_OPERATOR;
            sim_push(sim, event);
            event.kind = SIM_WORK;
            sim_push(sim, event);
        }
    }
    sim_push(sim, (struct sim_event){.time_ms = 60000, .kind = SIM_TROUBLE});
}

static void end(struct sim *sim)
{
    struct sim_event event;

    while (sim_pop(sim, &event))
        if (event.message != NULL)
            sim_message_free(event.message);
    for (unsigned org = 0; org < sim->orgs; org++)
        for (unsigned peer = 0; peer < sim->orgs; peer++)
            replies_dispose(&sim->org[org].sides[peer].replies);
    free(sim->queue);
    free(sim->taken);
}

void sim_history(uint64_t seed, enum sim_way way, struct sim_counts *counts)
{
    struct sim *sim = memory_alloc(sizeof(*sim));

    sim->seed = seed;
    sim->random = mix(seed);
    sim->traces = way == SIM_TRACED;
    sim->is_forgetful = way == SIM_FORGETFUL;
    sim->counts = *counts;
    begin(sim);
    run_until(sim, TROUBLED_MS);
    sim_mend(sim);
    sim_trace(sim, 0, 0, "all is mended");
    for (unsigned round = 0; round < MEND_ROUNDS; round++) {
        run_until(sim, sim->now_ms + ROUND_MS);
        sim_mend_round(sim);
    }
    run_until(sim, sim->now_ms + ROUND_MS);
    sim_check_rest(sim);
    end(sim);
    *counts = sim->counts;
    free(sim);
}

// SPDX-License-Identifier: Apache-2.0
/* Spools that go: at once, or, of reads that came to nothing, when nobody has gone on with them. */
#include "federation/transfers_private.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEFTOVERS_MAX = 8, /* each may be as large as an object */
    LOOK_MS = 1000,
};

/* ---- one that goes, in a job */

struct removal {
    struct job job;
    struct transfers *all; /* NULL: they ended */
    struct removal *next;
    struct transfer *transfer; /* NULL: nobody waits */
    char *inbox;
    char name[SPOOL_NAME_SIZE];
    bool is_done;
    struct error err;
};

static void run(struct job *job)
{
    struct removal *removal = CONTAINER_OF(job, struct removal, job);

    removal->is_done = spool_remove(removal->inbox, removal->name, &removal->err);
}

static void unlink_removal(const struct removal *removal)
{
    struct removal **at = &removal->all->removals;

    while (*at != removal)
        at = &(*at)->next;
    *at = removal->next;
}

static void on_run(struct job *job)
{
    struct removal *removal = CONTAINER_OF(job, struct removal, job);
    struct transfer *transfer = removal->transfer;
    struct error err = removal->err;
    bool is_done = removal->is_done;

    if (removal->all != NULL)
        unlink_removal(removal);
    free(removal->inbox);
    free(removal);
    if (transfer == NULL)
        return;
    transfer->removal = NULL;
    transfer_end(transfer, is_done ? TRANSFERS_DONE : TRANSFERS_FAILED, 0, is_done ? NULL : &err);
}

bool removal_start(struct transfers *all, const char *name, struct transfer *transfer,
                   struct error *err)
{
    struct removal *removal;

    if (sink_is_open(all, name)) /* its last job ends soon */
        return error_set(err, ERROR_IO, "it is still being written; that has been cut");
    if (removal_is_under_way(all, name))
        return error_set(err, ERROR_IO, "it is being removed already");
    whole_forget(all, name);
    removal = memory_alloc(sizeof(*removal));
    *removal = (struct removal){.job = {.run = run, .on_done = on_run},
                                .all = all,
                                .transfer = transfer,
                                .inbox = memory_copy_text(all->inbox)};
    (void)snprintf(removal->name, sizeof(removal->name), "%s", name);
    if (!job_start(all->settings.jobs, all->loop, &removal->job)) {
        free(removal->inbox);
        free(removal);
        return error_set(err, ERROR_LIMIT, "the job pool is full");
    }
    removal->next = all->removals;
    all->removals = removal;
    if (transfer != NULL)
        transfer->removal = removal;
    return true;
}

bool removal_is_under_way(const struct transfers *all, const char *name)
{
    for (const struct removal *removal = all->removals; removal != NULL; removal = removal->next)
        if (strcmp(removal->name, name) == 0)
            return true;
    return false;
}

void transfer_forget_removal(struct transfer *transfer)
{
    if (transfer->removal != NULL)
        transfer->removal->transfer = NULL;
    transfer->removal = NULL;
}

/* ---- what reads have left */

struct leftover {
    struct leftover *next;
    char name[SPOOL_NAME_SIZE];
    uint64_t until_ms; /* the loop's clock */
};

static struct leftover **find(struct transfers *all, const char *name)
{
    struct leftover **at = &all->leftovers;

    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

void leftover_forget(struct transfers *all, const char *name)
{
    struct leftover **at = find(all, name), *found = *at;

    if (found == NULL)
        return;
    *at = found->next;
    free(found);
}

/* The newest comes first: those behind the last that may stay go now. */
static void bound(struct transfers *all)
{
    struct leftover *leftover = all->leftovers;

    for (unsigned i = 1; leftover != NULL; leftover = leftover->next, i++)
        if (i > LEFTOVERS_MAX)
            leftover->until_ms = 0;
}

void leftover_add(struct transfers *all, const char *name, uint64_t keep_ms)
{
    struct leftover *leftover = memory_alloc(sizeof(*leftover));

    leftover_forget(all, name);
    (void)snprintf(leftover->name, sizeof(leftover->name), "%s", name);
    leftover->until_ms = loop_now_ms(all->loop) + keep_ms;
    leftover->next = all->leftovers;
    all->leftovers = leftover;
    bound(all);
    if (!timer_is_armed(&all->tidy))
        timer_arm(all->loop, &all->tidy, keep_ms < LOOK_MS ? keep_ms + 1 : LOOK_MS);
}

static bool is_read_again(const struct transfers *all, const char *name)
{
    for (const struct transfer *at = all->running; at != NULL; at = at->next)
        if (strcmp(at->spool, name) == 0)
            return true;
    return false;
}

/* What cannot go now is tried again. */
void leftovers_tidy(struct timer *timer)
{
    struct transfers *all = CONTAINER_OF(timer, struct transfers, tidy);
    struct leftover **at = &all->leftovers;
    uint64_t now_ms = loop_now_ms(all->loop);

    while (*at != NULL) {
        struct leftover *leftover = *at;
        struct error err = {0};

        if (leftover->until_ms > now_ms || is_read_again(all, leftover->name) ||
            !removal_start(all, leftover->name, NULL, &err)) {
            at = &leftover->next;
            continue;
        }
        *at = leftover->next;
        free(leftover);
    }
    if (all->leftovers != NULL)
        timer_arm(all->loop, timer, LOOK_MS);
}

void removals_abandon(struct transfers *all)
{
    struct leftover *leftover;

    for (struct removal *removal = all->removals; removal != NULL; removal = removal->next)
        removal->all = NULL;
    all->removals = NULL;
    while ((leftover = all->leftovers) != NULL) {
        all->leftovers = leftover->next;
        free(leftover);
    }
    timer_disarm(&all->tidy);
}

// SPDX-License-Identifier: Apache-2.0
#include "federation/drains.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_MS = 2000,
    TELL_EVERY = 30, /* looks: what came between is told too */
};

/* A link that is drained, or was with the last look. */
struct drain {
    struct drains *drains;
    struct drain *next;
    char partner[ID_SIZE];
    char link[ULID_SIZE];
    bool is_seen, is_ending;
    unsigned looks;
    unsigned role;           /* being counted; 0: none is */
    uint64_t live;           /* of those counted so far */
    struct transaction *sum; /* under way */
};

struct drains {
    struct drains_settings settings;
    struct drain *list;
    struct timer timer;
};

static void look_soon(struct drains *drains)
{
    timer_arm(drains->settings.loop, &drains->timer, LOOK_MS);
}

/* ---- the end */

static void on_revoked(void *drain_, const struct links_answer *answer)
{
    struct drain *drain = drain_;

    drain->is_ending = false; /* tried again with the next look, if it is still to be */
    if (answer->status >= 400)
        log_message(drain->drains->settings.messages, LOG_LEVEL_WARNING,
                    "link %s: drained, and not ended: %.*s", drain->partner,
                    SLICE_ARGS(answer->said));
    json_decref(answer->output);
}

static void revoke(struct drain *drain)
{
    struct drains *drains = drain->drains;
    const struct links_command command = {
        .what = LINKS_REVOKE, .actor = "drain", .partner = drain->partner};
    struct error err = {0};

    drain->is_ending = true;
    log_message(drains->settings.messages, LOG_LEVEL_INFO,
                "link %s: drained: nothing is placed over it any more, and it ends",
                drain->partner);
    if (!links_command(drains->settings.links, &command, on_revoked, drain, &err))
        drain->is_ending = false;
}

/* ---- counting */

uint64_t drains_count_live(const struct allocation_sum *sum)
{
    uint64_t live = 0;

    for (size_t i = 0; i < sum->count; i++)
        for (enum allocation_state state = ALLOCATION_NONE; state < ALLOCATION_STATES; state++)
            if (strcmp(sum->totals[i].state, allocation_state_name(state)) == 0 &&
                allocation_is_live(&(struct allocation_record){.state = state}))
                live += sum->totals[i].count;
    return live;
}

static void count_role(struct drain *drain, unsigned role);

static void on_sum(void *drain_, struct transaction *transaction)
{
    struct drain *drain = drain_;
    struct links_peer peer;

    drain->sum = NULL;
    drain->live += drains_count_live(&transaction->allocation_sum);
    if (transaction->err.code != ERROR_NONE || drain->live > 0)
        drain->role = 0;
    else if (drain->role == ALLOCATION_OWNER)
        count_role(drain, ALLOCATION_HOLDER);
    else {
        drain->role = 0;
        if (links_peer(drain->drains->settings.links, drain->partner, &peer) && peer.is_draining &&
            strcmp(peer.link, drain->link) == 0)
            revoke(drain);
    }
}

static void count_role(struct drain *drain, unsigned role)
{
    const struct drains_settings *settings = &drain->drains->settings;
    struct transaction *sum = transaction_create(TRANSACTION_ALLOCATION_SUM);

    memcpy(sum->allocation_sum.link, drain->link, ULID_SIZE);
    sum->allocation_sum.role = (uint8_t)role;
    drain->role = role;
    drain->sum = sum;
    if (store_start(settings->store, settings->loop, sum, on_sum, drain, NULL))
        return;
    drain->role = 0;
    drain->sum = NULL;
    transaction_destroy(&sum);
}

/* ---- looking */

static struct drain *find(struct drains *drains, const char *partner)
{
    struct drain *drain = drains->list;

    while (drain != NULL && strcmp(drain->partner, partner) != 0)
        drain = drain->next;
    return drain;
}

/* What was told before the first count is in the ledger before it is counted. */
static void look_at(void *drains_, const char *partner)
{
    struct drains *drains = drains_;
    struct drain *drain = find(drains, partner);
    struct links_peer peer;

    if (!links_peer(drains->settings.links, partner, &peer))
        return;
    if (drain == NULL) {
        drain = memory_alloc(sizeof(*drain));
        drain->drains = drains;
        (void)snprintf(drain->partner, sizeof(drain->partner), "%s", partner);
        drain->next = drains->list;
        drains->list = drain;
    }
    (void)snprintf(drain->link, sizeof(drain->link), "%s", peer.link);
    drain->is_seen = true;
    if (drain->looks++ % TELL_EVERY == 0) {
        allocations_drain(drains->settings.allocations, partner, true);
        return;
    }
    if (drain->role == 0 && !drain->is_ending) {
        drain->live = 0;
        count_role(drain, ALLOCATION_OWNER);
    }
}

/* Those that are drained no more. */
static void drop_unseen(struct drains *drains)
{
    struct drain **at = &drains->list, *drain;

    while ((drain = *at) != NULL) {
        if (drain->is_seen || drain->role != 0 || drain->is_ending) {
            at = &drain->next;
            continue;
        }
        *at = drain->next;
        allocations_drain(drains->settings.allocations, drain->partner, false);
        free(drain);
    }
}

static void look(struct timer *timer)
{
    struct drains *drains = CONTAINER_OF(timer, struct drains, timer);

    for (struct drain *drain = drains->list; drain != NULL; drain = drain->next)
        drain->is_seen = false;
    links_each_draining(drains->settings.links, look_at, drains);
    drop_unseen(drains);
    look_soon(drains);
}

void drains_changed(struct drains *drains)
{
    timer_disarm(&drains->timer);
    timer_arm(drains->settings.loop, &drains->timer, 0);
}

/* ---- */

struct drains *drains_create(const struct drains_settings *settings)
{
    struct drains *drains = memory_alloc(sizeof(*drains));

    drains->settings = *settings;
    drains->timer.fire = look;
    timer_arm(settings->loop, &drains->timer, 0);
    return drains;
}

void drains_destroy(struct drains **drains_ptr)
{
    struct drains *drains = *drains_ptr;

    if (drains == NULL)
        return;
    *drains_ptr = NULL;
    timer_disarm(&drains->timer);
    for (struct drain *drain = drains->list, *next; drain != NULL; drain = next) {
        next = drain->next;
        if (drain->sum != NULL)
            store_cancel(drain->sum);
        free(drain);
    }
    free(drains);
}

// SPDX-License-Identifier: Apache-2.0
#include "federation/transfers_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 30000 }; /* hours in which data may not move are looked at so often */

static const char *const end_names[] = {
    [TRANSFERS_DONE] = "done",     [TRANSFERS_REFUSED] = "refused", [TRANSFERS_BEYOND] = "beyond",
    [TRANSFERS_BAD] = "bad",       [TRANSFERS_STALLED] = "stalled", [TRANSFERS_CHANGED] = "changed",
    [TRANSFERS_BROKEN] = "broken", [TRANSFERS_FAILED] = "failed",
};

const char *transfers_end_name(enum transfers_end end)
{
    return end_names[end];
}

/* ---- the storage */

static void open_storage(struct transfers *all, void *source)
{
    struct storage *storage = memory_alloc(sizeof(*storage));

    storage->all = all;
    storage->users = 1; /* the transfers' own */
    storage->upstream =
        all->settings.open(all->settings.arg, source, all->loop, all->blocks, all->pipes);
    all->storage = storage;
}

struct storage *transfers_use_storage(struct transfers *all)
{
    all->storage->users++;
    return all->storage;
}

void transfers_leave_storage(struct storage *storage)
{
    if (--storage->users > 0)
        return;
    upstream_destroy(&storage->upstream);
    free(storage);
}

struct renewal {
    struct message message;
    struct transfers *all;
    void *source;
};

static void on_renewal(struct message *message, void *receiver)
{
    struct renewal *renewal = CONTAINER_OF(message, struct renewal, message);
    struct transfers *all = renewal->all;

    transfers_leave_storage(all->storage);
    open_storage(all, renewal->source);
    free(renewal);
}

void transfers_renew(struct transfers *all, void *source)
{
    struct renewal *renewal = memory_alloc(sizeof(*renewal));

    renewal->message.deliver = on_renewal;
    renewal->all = all;
    renewal->source = source;
    loop_post(all->loop, &renewal->message);
}

/* ---- links */

static void set_rates(struct lane *lane)
{
    const struct transfers *all = lane->all;

    lane->in.rate = lane->out.rate = lane->peer->limits.bandwidth;
    lane->placed.rate = 0;
    for (size_t i = 0; i < all->rate_count; i++)
        if (strcmp(all->rates[i].partner, lane->peer->partner) == 0)
            lane->placed.rate = all->rates[i].rate;
}

static void dress(struct lane *lane)
{
    const char *addresses[PEERS_ADDRESSES];

    set_rates(lane);
    if (lane->peer->limits.hours != 0 && !timer_is_armed(&lane->all->hours))
        timer_arm(lane->all->loop, &lane->all->hours, AGAIN_MS);
    if (lane->client == NULL)
        return;
    for (size_t i = 0; i < lane->peer->address_count; i++)
        addresses[i] = lane->peer->addresses[i];
    peer_client_renew(lane->client, lane->all->peers->client_tls, &lane->peer->roots);
    peer_client_set_addresses(lane->client, addresses, lane->peer->address_count);
}

static void make_client(struct lane *lane)
{
    struct transfers *all = lane->all;
    struct peer_client_settings settings = {.loop = all->loop,
                                            .blocks = all->blocks,
                                            .pipes = all->pipes,
                                            .jobs = all->settings.jobs,
                                            .now_ms = all->settings.now_ms};

    memcpy(settings.org, lane->peer->org, sizeof(settings.org));
    lane->client = peer_client_create(&settings);
}

struct lane *transfers_lane(struct transfers *all, const struct peer *peer)
{
    struct lane *lane = all->lanes;

    while (lane != NULL && strcmp(lane->peer->link, peer->link) != 0)
        lane = lane->next;
    if (lane != NULL)
        return lane;
    lane = memory_alloc(sizeof(*lane));
    *lane = (struct lane){.all = all, .next = all->lanes, .peer = peers_peer_ref(peer)};
    make_client(lane);
    dress(lane);
    all->lanes = lane;
    return lane;
}

static void lane_free(struct lane *lane)
{
    peer_client_destroy(&lane->client);
    peers_peer_unref(&lane->peer);
    free(lane);
}

static void cut(struct lane *lane, const char *why)
{
    struct error err = {0};
    struct transfer *transfer, *next;

    flows_cut(lane->all, lane, why);
    error_set(&err, ERROR_REFUSED, "partner %s: %s", lane->peer->partner, why);
    for (transfer = lane->all->running; transfer != NULL; transfer = next) {
        next = transfer->next;
        if (transfer->lane == lane)
            transfer_end(transfer, TRANSFERS_CHANGED, 0, &err);
    }
}

static bool is_used(const struct lane *lane)
{
    return lane->sending + lane->fetching + lane->receiving + lane->giving + lane->asking > 0;
}

/* Hours end while something is under way. */
static void on_hours(struct timer *timer)
{
    struct transfers *all = CONTAINER_OF(timer, struct transfers, hours);
    bool has_hours = false;
    uint64_t wait_ms;

    for (struct lane *lane = all->lanes; lane != NULL; lane = lane->next) {
        has_hours = has_hours || lane->peer->limits.hours != 0;
        if (is_used(lane) &&
            !link_limits_may_move(&lane->peer->limits, all->settings.now_ms(), &wait_ms))
            cut(lane, "no bytes move at this hour");
    }
    if (has_hours)
        timer_arm(all->loop, timer, AGAIN_MS);
}

/* Of the view that holds now. False: nobody needs it any more. */
static bool follow(struct lane *lane)
{
    const struct peer *peer = peers_of_link(lane->all->peers, lane->peer->link);
    bool is_same = peer != NULL && peer->generation == lane->peer->generation;

    if (!is_same)
        cut(lane, "the link changed meanwhile: connect anew, and go on");
    if (peer == NULL)
        return is_used(lane);
    if (peer == lane->peer && is_used(lane))
        return true;
    peers_peer_unref(&lane->peer);
    lane->peer = peers_peer_ref(peer);
    dress(lane);
    return true;
}

static void follow_all(struct transfers *all)
{
    struct lane **at = &all->lanes;

    while (*at != NULL) {
        struct lane *lane = *at;

        if (follow(lane)) {
            at = &lane->next;
            continue;
        }
        *at = lane->next;
        lane_free(lane);
    }
}

void transfers_view(struct transfers *all, struct server *server, const struct peers *peers)
{
    const struct peers *before = all->peers;

    all->peers = peers_ref(peers);
    peers_unref(&before);
    if (all->loop == NULL) {
        all->loop = server->loop;
        open_storage(all, all->settings.source);
        return;
    }
    follow_all(all);
    transfers_run_soon(all);
}

struct new_rates {
    struct message message;
    struct transfers *all;
    struct transfers_rate *rates;
    size_t count;
};

static void on_rates(struct message *message, void *receiver)
{
    struct new_rates *new = CONTAINER_OF(message, struct new_rates, message);
    struct transfers *all = new->all;

    free(all->rates);
    all->rates = new->rates;
    all->rate_count = new->count;
    for (struct lane *lane = all->lanes; lane != NULL; lane = lane->next)
        set_rates(lane);
    free(new);
}

void transfers_use_rates(struct transfers *all, const struct transfers_rate *rates, size_t count)
{
    struct new_rates *new = memory_alloc(sizeof(*new));

    *new = (struct new_rates){.message.deliver = on_rates, .all = all, .count = count};
    if (count > 0) {
        new->rates = memory_resize_array(NULL, count, sizeof(*rates));
        memcpy(new->rates, rates, count * sizeof(*rates));
    }
    if (all->loop == NULL) /* nobody runs yet */
        on_rates(&new->message, NULL);
    else
        loop_post(all->loop, &new->message);
}

/* ---- what waits for its turn */

static unsigned *count_of(struct transfers *all, const struct transfer *transfer)
{
    switch (transfer->kind) {
    case ORDER_SEND:
        return &all->sending;
    case ORDER_FETCH:
        return &all->fetching;
    case ORDER_IMPORT:
        return &all->importing;
    case ORDER_REMOVE:
        break;
    }
    return NULL;
}

static bool may_run(struct transfers *all, const struct transfer *transfer)
{
    const struct peer *peer;
    const struct lane *lane;
    uint64_t wait_ms;

    if (transfer->kind == ORDER_REMOVE)
        return true;
    if (transfer->kind == ORDER_IMPORT)
        return all->importing < TRANSFERS_IMPORTS;
    if (*count_of(all, transfer) >= TRANSFERS_AT_ONCE)
        return false;
    peer = peers_of_partner(all->peers, transfer->partner);
    if (peer == NULL) /* runs, and fails */
        return true;
    lane = transfers_lane(all, peer);
    if (!link_limits_may_move(&peer->limits, all->settings.now_ms(), &wait_ms)) {
        if (!timer_is_armed(&all->again))
            timer_arm(all->loop, &all->again, wait_ms < AGAIN_MS ? wait_ms : AGAIN_MS);
        return false;
    }
    return (transfer->kind == ORDER_SEND ? lane->sending : lane->fetching) < TRANSFERS_OF_LINK;
}

/* The one that goes first, of those that may. */
static struct transfer **next_of(struct transfers *all)
{
    struct transfer **best = NULL;

    for (struct transfer **at = &all->waiting; *at != NULL; at = &(*at)->next) {
        bool is_before = best == NULL || (*at)->priority > (*best)->priority ||
                         ((*at)->priority == (*best)->priority && (*at)->bytes < (*best)->bytes);

        if (is_before && may_run(all, *at))
            best = at;
    }
    return best;
}

static void begin(struct transfers *all, struct transfer **at)
{
    struct transfer *transfer = *at;
    unsigned *count = count_of(all, transfer);

    *at = transfer->next;
    transfer->next = all->running;
    all->running = transfer;
    transfer->is_running = true;
    if (count != NULL)
        ++*count;
    transfer_run(transfer);
}

static void run_waiting(struct later *later)
{
    struct transfers *all = CONTAINER_OF(later, struct transfers, run);
    struct transfer **at;

    while ((at = next_of(all)) != NULL)
        begin(all, at);
}

void transfers_run_soon(struct transfers *all)
{
    loop_later(all->loop, &all->run);
}

static void on_again(struct timer *timer)
{
    transfers_run_soon(CONTAINER_OF(timer, struct transfers, again));
}

/* ---- its life */

struct transfers *transfers_create(const struct transfers_settings *settings)
{
    struct transfers *all = memory_alloc(sizeof(*all));

    all->settings = *settings;
    all->inbox = memory_copy_text(settings->inbox);
    all->blocks = block_store_create(0);
    all->pipes = pipe_store_create();
    all->run.run = run_waiting;
    all->again.fire = on_again;
    all->tidy.fire = leftovers_tidy;
    all->hours.fire = on_hours;
    if (all->settings.keep_ms == 0)
        all->settings.keep_ms = TRANSFERS_KEPT_MS;
    return all;
}

/* Whoever asked has canceled, but the loop has not heard of it yet. */
static void forget(struct transfers *all, struct transfer *list)
{
    for (struct transfer *transfer = list; transfer != NULL; transfer = transfer->next) {
        transfer_stop(transfer);
        transfer->all = NULL;
    }
}

void transfers_destroy(struct transfers **all_ptr)
{
    struct transfers *all = *all_ptr;
    struct lane *lane;

    *all_ptr = NULL;
    if (all == NULL)
        return;
    assert(all->flows == NULL);
    forget(all, all->waiting);
    forget(all, all->running);
    sinks_abandon(all);
    removals_abandon(all);
    while ((lane = all->lanes) != NULL) {
        all->lanes = lane->next;
        lane_free(lane);
    }
    timer_disarm(&all->again);
    timer_disarm(&all->hours);
    later_cancel(&all->run);
    if (all->storage != NULL)
        transfers_leave_storage(all->storage);
    peers_unref(&all->peers);
    pipe_store_destroy(&all->pipes);
    block_store_destroy(&all->blocks);
    free(all->rates);
    free(all->inbox);
    free(all);
}

struct transfers_counters transfers_counters(const struct transfers *all)
{
    const struct transfers_atomic *from = &all->counters;
    struct transfers_counters to = {.bytes_in = atomic_load(&from->bytes_in),
                                    .bytes_out = atomic_load(&from->bytes_out),
                                    .imported = atomic_load(&from->imported),
                                    .removed = atomic_load(&from->removed)};

    for (enum transfers_end end = 0; end < TRANSFERS_ENDS; end++) {
        to.received[end] = atomic_load(&from->received[end]);
        to.given[end] = atomic_load(&from->given[end]);
        to.sent[end] = atomic_load(&from->sent[end]);
        to.fetched[end] = atomic_load(&from->fetched[end]);
    }
    return to;
}

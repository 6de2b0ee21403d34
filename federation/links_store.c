// SPDX-License-Identifier: Apache-2.0
/* A side and the ledger: what is written of it, and what a start reads. */
#include "federation/links_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdio.h>

enum { PAGE = 100, LIMITS_VERSION = 1, LIMITS_SIZE = 128 };

/* ---- writing */

static struct slice put_record(struct transaction *transaction, const struct side *side)
{
    struct link_kept kept = {.record = side->link.record};
    struct text bytes = {0};
    struct slice copy;

    memcpy(kept.org, side->org, sizeof(kept.org));
    memcpy(kept.our_address, side->our_address, sizeof(kept.our_address));
    link_codec_print(&kept, &bytes);
    copy = transaction_copy(transaction, text_slice(&bytes));
    text_dispose(&bytes);
    return copy;
}

/* One a line. */
static struct slice put_addresses(struct transaction *transaction, const struct side *side)
{
    struct text lines = {0};
    struct slice copy;

    for (size_t i = 0; i < side->address_count; i++)
        text_put_format(&lines, "%s%s", i > 0 ? "\n" : "", side->addresses[i]);
    copy = transaction_copy(transaction, text_slice(&lines));
    text_dispose(&lines);
    return copy;
}

static struct slice put_limits(struct transaction *transaction, const struct side *side)
{
    char text[LIMITS_SIZE];

    snprintf(text, sizeof(text), "%d %llu %lu %llu %llu", LIMITS_VERSION,
             (unsigned long long)side->limits.bandwidth, (unsigned long)side->limits.hours,
             (unsigned long long)side->drain_epoch, (unsigned long long)side->drain_since_ms);
    return transaction_copy(transaction, slice_of(text));
}

struct transaction *side_link_put(const struct side *side)
{
    struct transaction *transaction = transaction_create(TRANSACTION_LINK_PUT);
    struct link_entry *entry = &transaction->link_put.entry;
    const struct link_record *record = &side->link.record;
    struct link_now now = links_now(side->links);
    struct breaker_record breaker = breaker_save(&side->breaker, now.ms, now.wall_ms);

    memcpy(entry->partner, record->peer, sizeof(entry->partner));
    memcpy(entry->id, record->id, sizeof(entry->id));
    snprintf(entry->state, sizeof(entry->state), "%s", link_state_name(record->state));
    entry->epoch = record->epoch;
    entry->ended_epoch = side->ended_epoch;
    entry->record = put_record(transaction, side);
    entry->roots = transaction_copy(transaction, text_slice(&side->roots.bytes));
    entry->address = put_addresses(transaction, side);
    entry->words = transaction_copy(transaction, slice_of(side->words));
    entry->limits = put_limits(transaction, side);
    entry->has_invitation = side->has_invitation;
    memcpy(entry->invitation_hash, side->invitation_key, sizeof(entry->invitation_hash));
    entry->breaker_is_open = breaker.is_open;
    entry->breaker_attempt = breaker.attempt;
    entry->breaker_retry_ms = breaker.retry_wall_ms;
    return transaction;
}

struct transaction *side_claim(const struct side *side, bool is_ours)
{
    struct transaction *transaction = transaction_create(TRANSACTION_SEQUENCE_CLAIM);
    struct sequence_claim *claim = &transaction->sequence_claim;
    const struct link_record *record = &side->link.record;

    memcpy(claim->link, record->id, sizeof(claim->link));
    snprintf(claim->record.node, sizeof(claim->record.node), "%s",
             is_ours ? side->links->settings.id.node : LINKS_THEIR_NODE);
    claim->record.is_ours = is_ours;
    claim->record.incarnation = is_ours ? record->incarnation_here : record->incarnation_there;
    claim->record.claimed = is_ours ? side->sender.claimed : side->receiver.claimed;
    return transaction;
}

struct transaction *side_settle(const struct side *side)
{
    struct transaction *transaction = transaction_create(TRANSACTION_REPLY_SETTLE);
    struct reply_settle *settle = &transaction->reply_settle;

    memcpy(settle->link, side->link.record.id, sizeof(settle->link));
    snprintf(settle->record.node, sizeof(settle->record.node), LINKS_THEIR_NODE);
    memcpy(settle->record.key, side->replies.settled, sizeof(settle->record.key));
    return transaction;
}

/* ---- reading */

static void load_addresses(struct side *side, struct slice lines)
{
    const char *end = lines.data + lines.size, *at = lines.data;

    while (at != NULL && at < end && side->address_count < LINKS_ADDRESSES) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((stop != NULL ? stop : end) - at);

        if (size > 0 && size < LINKS_ADDRESS_SIZE)
            memcpy(side->addresses[side->address_count++], at, size);
        at = stop != NULL ? stop + 1 : end;
    }
}

static void load_limits(struct side *side, struct slice text)
{
    char copy[LIMITS_SIZE] = "";
    unsigned long long bandwidth = 0, drain_epoch = 0, drain_since_ms = 0;
    unsigned long hours = 0;
    int version = 0;

    if (text.size >= sizeof(copy))
        return;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    if (sscanf(copy, "%d %llu %lu %llu %llu", &version, &bandwidth, &hours, &drain_epoch,
               &drain_since_ms) < 3 || /* an older row has three */
        version != LIMITS_VERSION)
        return;
    side->limits = (struct link_limits){.bandwidth = bandwidth, .hours = (uint32_t)hours};
    side->drain_epoch = drain_epoch;
    side->drain_since_ms = drain_since_ms;
}

static bool load_entry(struct side *side, const struct link_entry *entry, struct error *err)
{
    struct link_now now = links_now(side->links);
    struct breaker_record breaker = {.is_open = entry->breaker_is_open,
                                     .attempt = entry->breaker_attempt,
                                     .retry_wall_ms = entry->breaker_retry_ms};
    struct link_kept kept;

    if (!link_codec_parse(&kept, entry->record, err) ||
        (entry->roots.size > 0 && !side_set_roots(side, entry->roots, err)))
        return error_prefix(err, "the ledger's record of the link with %s", entry->partner);
    link_load(&side->link, &kept.record, now);
    memcpy(side->org, kept.org, sizeof(side->org));
    memcpy(side->our_address, kept.our_address, sizeof(side->our_address));
    if (entry->words.size > 0 && entry->words.size < sizeof(side->words))
        memcpy(side->words, entry->words.data, entry->words.size);
    load_addresses(side, entry->address);
    load_limits(side, entry->limits);
    side->has_invitation = entry->has_invitation;
    memcpy(side->invitation_key, entry->invitation_hash, sizeof(side->invitation_key));
    side->ended_epoch = entry->ended_epoch;
    breaker_load(&side->breaker, &breaker, now.ms, now.wall_ms);
    side->is_new = false;
    return true;
}

static void load_claim(struct side *side, const struct sequence_record *row, uint64_t *sent,
                       uint64_t *taken)
{
    const struct link_record *record = &side->link.record;
    uint64_t incarnation = row->is_ours ? record->incarnation_here : record->incarnation_there;
    uint64_t *claimed = row->is_ours ? sent : taken;

    if (row->incarnation != incarnation)
        return;
    if (row->claimed > *claimed)
        *claimed = row->claimed;
}

static bool load_numbers(struct side *side, struct error *err)
{
    struct transaction *transaction = transaction_create(TRANSACTION_SEQUENCE_LIST);
    struct sequence_list *list = &transaction->sequence_list;
    uint64_t sent = 0, taken = 0;
    bool is_read;

    memcpy(list->link, side->link.record.id, sizeof(list->link));
    is_read = store_run(side->links->settings.store, transaction, err);
    for (size_t i = 0; is_read && i < list->count; i++)
        load_claim(side, &list->records[i], &sent, &taken);
    for (size_t i = 0; is_read && i < list->settled_count; i++)
        if (strcmp(list->settled[i].key, side->replies.settled) > 0)
            memcpy(side->replies.settled, list->settled[i].key, ULID_SIZE);
    if (sent > 0)
        side->sender = sequence_sender_load(sent);
    if (taken > 0)
        side->receiver = sequence_receiver_load(taken);
    transaction_destroy(&transaction);
    return is_read;
}

static bool load_replies(struct side *side, struct error *err)
{
    char node[ID_SIZE] = "", key[ULID_SIZE] = "";
    bool is_read, has_more;

    do {
        struct transaction *transaction = transaction_create(TRANSACTION_REPLY_LIST);
        struct reply_list *list = &transaction->reply_list;

        memcpy(list->link, side->link.record.id, sizeof(list->link));
        memcpy(list->after_node, node, sizeof(node));
        memcpy(list->after_key, key, sizeof(key));
        list->limit = PAGE;
        is_read = store_run(side->links->settings.store, transaction, err);
        for (size_t i = 0; is_read && i < list->count; i++) {
            const struct reply_record *row = &list->records[i];

            replies_load(&side->replies, row->key, row->digest, row->body);
            memcpy(node, row->node, sizeof(node));
            memcpy(key, row->key, sizeof(key));
        }
        has_more = is_read && list->has_more;
        transaction_destroy(&transaction);
    } while (has_more);
    return is_read;
}

/* Told of by a turn of its own, so that it is durable before anything else. */
struct restored {
    struct work work;
    uint64_t epoch;
};

static void restored_over(struct work *work)
{
    struct side *side = work->side;

    free(CONTAINER_OF(work, struct restored, work));
    side_done(side);
}

static void run_restored(struct work *work)
{
    struct restored *restored = CONTAINER_OF(work, struct restored, work);
    struct link_event event = {
        .kind = LINK_RESTORED, .incarnation = links_random(), .epoch = restored->epoch};
    struct link_actions actions;

    side_step(work->side, &event, &actions);
    work->side->is_changed = true;
    side_save(work->side, restored_over);
}

static void drop_restored(struct work *work)
{
    free(CONTAINER_OF(work, struct restored, work));
}

static void tell_restored(struct side *side, uint64_t epoch)
{
    struct restored *restored = memory_alloc(sizeof(*restored));

    restored->work.run = run_restored;
    restored->work.drop = drop_restored;
    restored->epoch = epoch;
    side_do(side, &restored->work);
}

static bool load_side(struct links *links, const struct link_entry *entry, struct error *err)
{
    struct side *side = links_add_side(links);

    if (!load_entry(side, entry, err) || !load_numbers(side, err) || !load_replies(side, err))
        return false;
    side->generation = ++links->generations;
    atomic_fetch_add(&links->states[side->link.record.state], 1);
    if (entry->is_restored)
        tell_restored(side, entry->ended_epoch);
    side_tick_soon(side);
    return true;
}

bool links_load(struct links *links, struct error *err)
{
    char after[ID_SIZE] = "";
    bool is_read, has_more;

    do {
        struct transaction *transaction = transaction_create(TRANSACTION_LINK_LIST);
        struct link_list *list = &transaction->link_list;

        memcpy(list->after, after, sizeof(after));
        list->limit = PAGE;
        is_read = store_run(links->settings.store, transaction, err);
        for (size_t i = 0; is_read && i < list->count; i++) {
            memcpy(after, list->entries[i].partner, sizeof(after));
            is_read = load_side(links, &list->entries[i], err);
        }
        has_more = is_read && list->has_more;
        transaction_destroy(&transaction);
    } while (has_more);
    return is_read;
}

// SPDX-License-Identifier: Apache-2.0
/* Items that a peer asks: each is done once, and answered the same however often it comes. */
#include "federation/links_inbound.h"

#include "conf/memory.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EFFECTS_MAX = 16,
    BATCHES_MAX = 8, /* of one peer, being done: it sends one, and again what took too long */
};

struct link_item {
    struct batch *batch;
    const struct wire_item *is; /* in the batch's message */
    struct wire_result result;
    bool is_new; /* begun, and not answered */
    struct transaction *saves[EFFECTS_MAX + 1];
    size_t saving;
    bool has_save_failed;
};

/* Answered when each of its items is. */
struct batch {
    struct side *side;
    struct inbound *inbound;
    struct wire_batch message;
    unsigned unknown;
    uint64_t epoch;
    struct link_item items[WIRE_ITEMS_MAX];
    size_t count, left;
    struct batch *next, **prev_next;
};

/* ---- the answer */

static void batch_free(struct batch *batch)
{
    batch->side->batch_count--;
    *batch->prev_next = batch->next;
    if (batch->next != NULL)
        batch->next->prev_next = batch->prev_next;
    for (size_t i = 0; i < batch->count; i++)
        text_dispose(&batch->items[i].result.with);
    wire_free(WIRE_BATCH, &batch->message);
    free(batch);
}

static void batch_answer(struct batch *batch)
{
    struct side *side = batch->side;
    struct wire_result list[WIRE_ITEMS_MAX];
    struct wire_results results = {.version = WIRE_VERSION_MAX,
                                   .from = side->link.record.incarnation_here,
                                   .to = batch->message.from,
                                   .credit = side_credit(side),
                                   .results = {list, batch->count},
                                   .ignored = batch->unknown};

    for (size_t i = 0; i < batch->count; i++)
        list[i] = batch->items[i].result;
    inbound_put(batch->inbound, WIRE_RESULTS, &results);
    inbound_send(batch->inbound);
    batch_free(batch);
}

static void item_over(struct link_item *item)
{
    if (--item->batch->left == 0)
        batch_answer(item->batch);
}

static void set_result(struct link_item *item, unsigned status, struct slice with,
                       const char *message)
{
    struct wire_result *result = &item->result;

    memcpy(result->key, item->is->key, sizeof(result->key));
    result->status = status;
    text_clear(&result->with);
    text_put_slice(&result->with, with);
    snprintf(result->message, sizeof(result->message), "%s", message != NULL ? message : "");
}

/* ---- kept replies: a message of results with one in it */

static void print_kept(const struct wire_result *result, struct text *out)
{
    struct wire_result copy = *result;
    struct wire_results kept = {
        .version = WIRE_VERSION_MAX, .from = 1, .to = 1, .results = {&copy, 1}};

    wire_print(WIRE_RESULTS, &kept, out);
}

static void repeat_kept(struct link_item *item, struct slice bytes)
{
    struct wire_results kept = {0};
    const struct wire_result *first;
    unsigned unknown = 0;
    bool is_read = wire_parse(WIRE_RESULTS, bytes, &kept, &unknown, NULL);

    assert(is_read); /* we wrote it */
    first = kept.results.items;
    set_result(item, (unsigned)first->status, text_slice(&first->with), first->message);
    wire_free(WIRE_RESULTS, &kept);
}

/* ---- what is refused */

/* What comes again of itself (503) is not news. */
static void note_refusal(const struct link_item *item)
{
    struct links *links = item->batch->side->links;
    const struct wire_result *result = &item->result;
    uint32_t left_out;

    if (result->status < 400 || result->status == 503)
        return;
    links_count(&links->items_refused);
    if (!line_budget_spend(&links->lines, LINKS_LINES_MAX, links->settings.now_ms(), &left_out))
        return;
    if (left_out > 0)
        log_message(links->settings.messages, LOG_LEVEL_WARNING,
                    "%u more requests of partners were refused", left_out);
    log_message(links->settings.messages, LOG_LEVEL_WARNING,
                "%s (item %s) refused to %s with %u: %s", item->is->action, result->key,
                link_item_partner(item), (unsigned)result->status,
                result->message[0] != '\0' ? result->message : "without a reason");
}

/* ---- answering one */

static void digest_of(const struct wire_item *item, uint8_t digest[REPLIES_DIGEST_SIZE])
{
    struct text asked = {0};

    text_put(&asked, item->action, strlen(item->action) + 1);
    text_put_slice(&asked, text_slice(&item->with));
    SHA256((const unsigned char *)asked.data, asked.size, digest);
    text_dispose(&asked);
}

static void finish_new(struct link_item *item, bool is_kept)
{
    struct replies *replies = &item->batch->side->replies;
    struct text kept = {0};

    item->is_new = false;
    note_refusal(item);
    if (is_kept) {
        print_kept(&item->result, &kept);
        replies_answer(replies, item->is->key, text_slice(&kept));
        text_dispose(&kept);
    } else {
        replies_drop(replies, item->is->key);
    }
    item_over(item);
}

static void on_kept(void *item_, struct transaction *transaction)
{
    struct link_item *item = item_;

    for (size_t i = 0; i < ARRAY_SIZE(item->saves); i++)
        if (item->saves[i] == transaction)
            item->saves[i] = NULL;
    if (transaction->err.code != ERROR_NONE) {
        log_message(item->batch->side->links->settings.messages, LOG_LEVEL_ERROR,
                    "link %s: an item is not in the ledger: %s", link_item_partner(item),
                    transaction->err.text);
        item->has_save_failed = true;
    }
    if (--item->saving > 0)
        return;
    if (item->has_save_failed)
        set_result(item, 500, SLICE(""), "the ledger failed; ask again");
    finish_new(item, !item->has_save_failed);
}

static struct transaction *put_reply(const struct link_item *item)
{
    struct side *side = item->batch->side;
    struct transaction *transaction = transaction_create(TRANSACTION_REPLY_PUT);
    struct reply_put *put = &transaction->reply_put;
    struct text kept = {0};

    memcpy(put->link, side->link.record.id, sizeof(put->link));
    snprintf(put->record.node, sizeof(put->record.node), LINKS_THEIR_NODE);
    memcpy(put->record.key, item->is->key, sizeof(put->record.key));
    put->record.epoch = item->batch->epoch;
    digest_of(item->is, put->record.digest);
    print_kept(&item->result, &kept);
    put->record.body = transaction_copy(transaction, text_slice(&kept));
    text_dispose(&kept);
    return transaction;
}

/* The link may have ended, or been isolated, since it was asked. */
static bool may_take_effect(const struct batch *batch)
{
    const struct side *side = batch->side;

    return side->link.record.epoch == batch->epoch &&
           batch->message.from == side->link.record.incarnation_there &&
           batch->message.to == side->link.record.incarnation_here &&
           link_may_take(&side->link, LINK_TRAFFIC_CHANGE);
}

static void drop_effects(struct transaction *const *effects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct transaction *effect = effects[i];

        transaction_destroy(&effect);
    }
}

static void keep(struct link_item *item, struct transaction *const *effects, size_t count)
{
    const struct links_settings *settings = &item->batch->side->links->settings;
    struct error err = {0};

    assert(count <= EFFECTS_MAX);
    for (size_t i = 0; i < count; i++)
        item->saves[i] = effects[i];
    item->saves[count] = put_reply(item);
    item->saving = count + 1;
    if (store_start_all(settings->store, settings->loop, item->saves, count + 1, on_kept, item,
                        &err))
        return;
    drop_effects(item->saves, count + 1);
    memset(item->saves, 0, sizeof(item->saves));
    item->saving = 0;
    set_result(item, 503, SLICE(""), "the ledger has too much to do; ask again");
    finish_new(item, false);
}

void link_item_answer(struct link_item *item, int status, struct slice with_json,
                      const char *message, struct transaction *const *effects, size_t count)
{
    assert(item->is_new && item->saving == 0);
    set_result(item, (unsigned)status, with_json, message);
    if (links_is_answer((unsigned)status) && may_take_effect(item->batch)) {
        keep(item, effects, count);
        return;
    }
    drop_effects(effects, count);
    if (links_is_answer((unsigned)status))
        set_result(item, 503, SLICE(""), "the link's state does not allow it now; ask again");
    finish_new(item, false);
}

const char *link_item_partner(const struct link_item *item)
{
    return item->batch->side->link.record.peer;
}

const char *link_item_link(const struct link_item *item)
{
    return item->batch->side->link.record.id;
}

const char *link_item_key(const struct link_item *item)
{
    return item->is->key;
}

struct slice link_item_with(const struct link_item *item)
{
    return text_slice(&item->is->with);
}

/* ---- taking a batch */

static void dispatch(struct link_item *item)
{
    const struct links *links = item->batch->side->links;

    for (size_t i = 0; i < links->action_count; i++) {
        if (strcmp(links->actions[i]->name, item->is->action) != 0)
            continue;
        links->actions[i]->take(links->actions[i]->arg, item);
        return;
    }
    link_item_answer(item, 404, SLICE(""), "nobody does this here", NULL, 0);
}

/* Numbers and what is settled are durable. */
static void batch_begin(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct batch *batch = inbound->joining;

    side_done(work->side);
    batch->left = batch->count + 1; /* none is the last while we are at it */
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].is_new)
            dispatch(&batch->items[i]);
        else
            batch->left--;
    }
    if (--batch->left == 0)
        batch_answer(batch);
}

static void begin_item(struct link_item *item)
{
    struct side *side = item->batch->side;
    uint8_t digest[REPLIES_DIGEST_SIZE];
    struct slice kept = {NULL, 0};

    digest_of(item->is, digest);
    switch (replies_begin(&side->replies, item->is->key, digest, &kept)) {
    case REPLIES_NEW:
        links_count(&side->links->items_taken);
        item->is_new = true;
        return;
    case REPLIES_ANSWERED:
        links_count(&side->links->items_repeated);
        repeat_kept(item, kept);
        return;
    case REPLIES_UNDER_WAY:
        set_result(item, 503, SLICE(""), "it is being done; ask again");
        return;
    case REPLIES_DIFFERENT:
        set_result(item, 410, SLICE(""), "this key was used for other content: take another one");
        break;
    case REPLIES_SETTLED:
        set_result(item, 410, SLICE(""), "this key was settled: it is never taken again");
        break;
    case REPLIES_FULL:
        set_result(item, 429, SLICE(""), "more is unsettled than there is credit for");
        break;
    }
    note_refusal(item);
}

void items_settle(struct side *side, const char *settled)
{
    if (settled[0] != '\0' && strcmp(settled, side->replies.settled) > 0 &&
        replies_settle(&side->replies, settled))
        side->is_settled_changed = true;
}

/* The batch has it. */
static void drop_nothing(struct work *work)
{
}

static struct batch *batch_create(struct side *side, struct wire_batch *message)
{
    struct batch *batch = memory_alloc(sizeof(*batch));

    batch->side = side;
    batch->message = *message;
    batch->epoch = side->link.record.epoch;
    batch->count = message->items.count;
    batch->next = side->batches;
    batch->prev_next = &side->batches;
    if (batch->next != NULL)
        batch->next->prev_next = &batch->next;
    side->batches = batch;
    side->batch_count++;
    return batch;
}

void batch_take(struct inbound *inbound, struct wire_batch *message, unsigned unknown)
{
    struct side *side = inbound->work.side;
    const struct wire_item *items = message->items.items;
    struct batch *batch;

    if (side->batch_count >= BATCHES_MAX) {
        inbound_refuse(inbound, WIRE_PROBLEM_BUSY, "%d batches are being done", BATCHES_MAX);
        wire_free(WIRE_BATCH, message);
        side_save(side, inbound_finish);
        return;
    }
    batch = batch_create(side, message);
    batch->inbound = inbound;
    batch->unknown = unknown;
    items_settle(side, message->settled);
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i].batch = batch;
        batch->items[i].is = &items[i];
        begin_item(&batch->items[i]);
    }
    inbound->joining = batch;
    inbound->work.drop = drop_nothing;
    side_save(side, batch_begin);
}

/* Who serves actions has ended; what the ledger was given is done all the same. */
static void batch_drop(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        for (size_t n = 0; n < ARRAY_SIZE(batch->items[i].saves); n++)
            if (batch->items[i].saves[n] != NULL)
                store_cancel(batch->items[i].saves[n]);
    inbound_refuse(batch->inbound, WIRE_PROBLEM_LATER, "this gateway is stopping");
    inbound_send(batch->inbound);
    batch_free(batch);
}

void links_serve(struct links *links, const struct link_action *action)
{
    links->actions =
        memory_resize_array(links->actions, links->action_count + 1, sizeof(struct link_action *));
    links->actions[links->action_count++] = action;
}

void side_drop_batches(struct side *side)
{
    struct batch *batch, *next;

    for (batch = side->batches; batch != NULL; batch = next) {
        next = batch->next;
        batch_drop(batch);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "federation/placer_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCAN_PAGE = 256,
    REFRESH_MS = 1000,
};

#define SCAN_AGAIN_MS UINT64_C(10000) /* at most so often */

/* ---- what comes from the ledger's thread */

/* Shared with it, and with messages on their way. */
struct placer_inbox {
    atomic_uint references;
    struct store_watch watch;
    struct loop *loop;
    struct placer *placer; /* control thread; NULL: it is gone */
};

struct news {
    struct message message;
    struct placer_inbox *inbox;
    size_t size;
    char object[sizeof(((struct cid *)0)->bytes)];
};

static void inbox_unref(struct placer_inbox *inbox)
{
    if (atomic_fetch_sub(&inbox->references, 1) == 1)
        free(inbox);
}

static void deliver(struct message *message, void *receiver)
{
    struct news *news = CONTAINER_OF(message, struct news, message);

    (void)receiver;
    if (news->inbox->placer != NULL)
        placer_look(news->inbox->placer, (struct slice){news->object, news->size});
    inbox_unref(news->inbox);
    free(news);
}

static struct slice object_of(const struct transaction *transaction)
{
    if (transaction->name == TRANSACTION_PIN_CONFIRM)
        return transaction->pin_confirm.record.key;
    if (transaction->name == TRANSACTION_PIN_REMOVE)
        return transaction->pin_remove.record.key;
    return (struct slice){NULL, 0};
}

static void on_change(struct store_watch *watch, const struct transaction *transaction)
{
    struct placer_inbox *inbox = CONTAINER_OF(watch, struct placer_inbox, watch);
    struct slice object = object_of(transaction);
    struct news *news;

    if (object.size == 0 || object.size > sizeof(news->object) ||
        transaction->err.code != ERROR_NONE)
        return;
    news = memory_alloc(sizeof(*news));
    atomic_fetch_add(&inbox->references, 1);
    *news = (struct news){.message.deliver = deliver, .inbox = inbox, .size = object.size};
    memcpy(news->object, object.data, object.size);
    loop_post(inbox->loop, &news->message);
}

/* ---- all of them */

static void scan_page(struct placer *placer);

static void on_page(void *placer_, struct transaction *transaction)
{
    struct placer *placer = placer_;
    const struct object_list *page = &transaction->object_list;
    struct error err = {0};

    placer->scanning = NULL;
    if (transaction->err.code != ERROR_NONE)
        placer_scan_soon(placer);
    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < page->count; i++)
        placer_look(placer, page->records[i].key);
    placer->is_scanning = transaction->err.code == ERROR_NONE;
    placer->is_scanning_copies = placer->is_scanning && !page->has_more;
    placer->scanned.size = 0;
    placer->scanned_copy = (struct allocation_entry){0};
    if (placer->is_scanning && page->has_more)
        placer->is_scanning =
            cid_from_bytes(&placer->scanned, page->records[page->count - 1].key.data,
                           page->records[page->count - 1].key.size, &err);
    placer->scan_ended_ms = loop_now_ms(placer->settings.loop);
}

/* What was unpinned just before the process ended, or when its copies could not be told, is no
 * object any more: its copies alone say that it was. */
static void on_copies_page(void *placer_, struct transaction *transaction)
{
    struct placer *placer = placer_;
    const struct allocation_list *page = &transaction->allocation_list;
    struct error err = {0};

    placer->scanning = NULL;
    placer->is_scanning = transaction->err.code == ERROR_NONE && page->has_more;
    if (transaction->err.code != ERROR_NONE)
        placer_scan_soon(placer);
    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < page->count; i++) {
        const struct allocation_entry *entry = &page->entries[i];

        if (i == 0 || !slice_equal(entry->object, page->entries[i - 1].object))
            placer_look(placer, entry->object);
    }
    if (placer->is_scanning) {
        placer->scanned_copy = page->entries[page->count - 1];
        placer->is_scanning = cid_from_bytes(&placer->scanned, placer->scanned_copy.object.data,
                                             placer->scanned_copy.object.size, &err);
    }
    placer->scan_ended_ms = loop_now_ms(placer->settings.loop);
}

static void scan_copies_page(struct placer *placer)
{
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct allocation_entry after = placer->scanned_copy;
    struct error err = {0};

    after.object = transaction_copy(
        list, (struct slice){(const char *)placer->scanned.bytes, placer->scanned.size});
    list->allocation_list.by = ALLOCATION_LIST_UNPINNED;
    list->allocation_list.after = (const struct allocation_entry *)(const void *)transaction_copy(
                                      list, (struct slice){(const char *)&after, sizeof(after)})
                                      .data;
    list->allocation_list.limit = SCAN_PAGE;
    placer->scanning = list;
    if (store_start(placer->settings.store, placer->settings.loop, list, on_copies_page, placer,
                    &err))
        return;
    transaction_destroy(&placer->scanning);
}

static void scan_page(struct placer *placer)
{
    struct transaction *list;
    struct error err = {0};

    if (placer->is_scanning_copies) {
        scan_copies_page(placer);
        return;
    }
    list = transaction_create(TRANSACTION_OBJECT_LIST);
    if (placer->scanned.size > 0)
        list->object_list.after = transaction_copy(
            list, (struct slice){(const char *)placer->scanned.bytes, placer->scanned.size});
    list->object_list.limit = SCAN_PAGE;
    placer->scanning = list;
    if (store_start(placer->settings.store, placer->settings.loop, list, on_page, placer, &err))
        return;
    transaction_destroy(&placer->scanning);
}

void placer_scan_soon(struct placer *placer)
{
    placer->is_scan_due = true;
}

/* The next page when those before it are done with: what waits stays short. */
static void scan(struct placer *placer)
{
    uint64_t now_ms = loop_now_ms(placer->settings.loop);

    if (placer->scanning != NULL || placer->looks.waiting_count > SCAN_PAGE)
        return;
    if (!placer->is_scanning && placer->is_scan_due && placer->policy != NULL &&
        (placer->scan_ended_ms == 0 || now_ms - placer->scan_ended_ms >= SCAN_AGAIN_MS)) {
        placer->is_scan_due = false;
        placer->is_scanning = true;
        placer->is_scanning_copies = false;
        placer->scanned.size = 0;
    }
    if (placer->is_scanning)
        scan_page(placer);
}

/* ---- its life */

static void on_refresh(struct timer *timer)
{
    struct placer *placer = CONTAINER_OF(timer, struct placer, refresh);

    if (placer_observe(placer))
        placer_scan_soon(placer);
    scan(placer);
    looks_begin(placer); /* what stayed when the ledger took no more */
    timer_arm(placer->settings.loop, timer, placer->is_scanning ? 10 : REFRESH_MS);
}

void placer_links_changed(struct placer *placer)
{
    timer_disarm(&placer->refresh);
    timer_arm(placer->settings.loop, &placer->refresh, 0);
}

struct placer *placer_create(const struct placer_settings *settings)
{
    struct placer *placer = memory_alloc(sizeof(*placer));
    struct placer_inbox *inbox = memory_alloc(sizeof(*inbox));

    *placer = (struct placer){.settings = *settings, .inbox = inbox, .refresh.fire = on_refresh};
    looks_init(&placer->looks);
    *inbox = (struct placer_inbox){
        .watch.on_change = on_change, .loop = settings->loop, .placer = placer};
    atomic_init(&inbox->references, 1);
    store_watch(settings->store, &inbox->watch);
    timer_arm(settings->loop, &placer->refresh, REFRESH_MS);
    return placer;
}

void placer_use(struct placer *placer, const struct policy *policy)
{
    const struct policy *before = placer->policy;

    placer->policy = policy != NULL ? policy_ref(policy) : NULL;
    if (before != NULL)
        policy_unref(&before);
    placer->scan_ended_ms = 0;
    shorts_dispose(&placer->shorts); /* the scan finds those that are left */
    placer_observe(placer);
    placer_scan_soon(placer);
}

void placer_destroy(struct placer **placer_ptr)
{
    struct placer *placer = *placer_ptr;

    *placer_ptr = NULL;
    if (placer == NULL)
        return;
    store_unwatch(placer->settings.store, &placer->inbox->watch);
    placer->inbox->placer = NULL;
    inbox_unref(placer->inbox);
    timer_disarm(&placer->refresh);
    waiters_end(placer);
    looks_drop(&placer->looks);
    shorts_dispose(&placer->shorts);
    if (placer->scanning != NULL)
        store_cancel(placer->scanning);
    if (placer->map != NULL)
        placement_map_destroy(&placer->map);
    if (placer->policy != NULL)
        policy_unref(&placer->policy);
    free(placer);
}

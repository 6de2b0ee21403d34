// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "federation/allocation_codec.h"
#include "federation/placer_private.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAITING_MAX = 10000, /* beyond it all objects are looked at */
    SCAN_PAGE = 256,
    ROWS_MAX = 512, /* of one object: tombstones, too */
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

/* ---- one object */

static void begin_next(struct placer *placer);

/* Those that wait are begun later. */
static void look_drop(struct look *look)
{
    struct placer *placer = look->placer;

    for (size_t i = 0; i < LOOKS_AT_ONCE; i++)
        if (placer->running[i] == look)
            placer->running[i] = NULL;
    placer->running_count--;
    free(look);
}

static void look_end(struct look *look)
{
    struct placer *placer = look->placer;
    bool again = look->is_asked_again;
    struct cid object = look->object;

    look_drop(look);
    if (again)
        placer_look(placer, (struct slice){(const char *)object.bytes, object.size});
    begin_next(placer);
}

/* Its row may not be in the ledger yet when the object is looked at again. */
static void note_placed(struct placer *placer, const struct look *look, const char *partner,
                        const char *id)
{
    struct placed *placed = &placer->placed[placer->placed_next++ % PLACED_MAX];

    *placed = (struct placed){.object = look->object, .at_ms = loop_now_ms(placer->settings.loop)};
    snprintf(placed->partner, sizeof(placed->partner), "%s", partner);
    memcpy(placed->id, id, ULID_SIZE);
}

static void add_placed(struct look *look)
{
    const struct placer *placer = look->placer;
    uint64_t now_ms = loop_now_ms(placer->settings.loop);

    for (size_t i = 0; i < PLACED_MAX && look->count < PLACER_COPIES_MAX; i++) {
        const struct placed *placed = &placer->placed[i];
        struct placer_copy *copy = &look->copies[look->count];

        if (placed->id[0] == '\0' || now_ms - placed->at_ms > PLACED_MS ||
            placed->object.size != look->object.size ||
            memcmp(placed->object.bytes, look->object.bytes, placed->object.size) != 0)
            continue;
        *copy = (struct placer_copy){.state = ALLOCATION_QUEUED};
        memcpy(copy->partner, placed->partner, sizeof(copy->partner));
        memcpy(copy->id, placed->id, ULID_SIZE);
        look->count++;
    }
}

/* What cannot be told now is told with the next look at all. */
static bool act(struct placer *placer, const struct look *look, const struct object_record *record,
                const struct placement_result *result, const struct placer_act *what,
                struct error *err)
{
    int32_t priority = result->rule != NULL ? (int32_t)result->rule->priority : 0;
    struct allocation_event event = {.kind = what->what == PLACER_WANT ? ALLOCATION_WANT
                                                                       : ALLOCATION_RELEASE,
                                     .priority = priority,
                                     .reason = ALLOCATION_NOT_WANTED};
    char partner[ID_SIZE], id[ULID_SIZE];

    snprintf(partner, sizeof(partner), "%.*s", (int)what->partner_size, what->partner);
    if (what->what == PLACER_PLACE) {
        assert(record != NULL); /* only what is pinned here is placed */
        if (!allocations_place(placer->settings.allocations, partner, &look->object,
                               record->bytes[PIN_RECURSIVE], 0, priority, id, err))
            return false;
        note_placed(placer, look, partner, id);
        return true;
    }
    snprintf(event.id, sizeof(event.id), "%s", what->id);
    return allocations_tell(placer->settings.allocations, partner, ALLOCATION_OWNER, &event, NULL,
                            NULL, err);
}

static void decide(struct look *look, const struct object_get *found)
{
    struct placer *placer = look->placer;
    struct placer_act acts[PLACER_ACTS_MAX];
    struct placement_result result;
    struct error err = {0};
    size_t count;

    if (placer->map == NULL)
        return;
    count = placer_decide(placer->map, found, look->copies, look->count, acts, &result);
    for (size_t i = 0; i < count; i++) {
        if (act(placer, look, found != NULL ? &found->record : NULL, &result, &acts[i], &err))
            continue;
        log_message(placer->settings.messages, LOG_LEVEL_WARNING,
                    "a copy at %.*s waits to be told of: %s", (int)acts[i].partner_size,
                    acts[i].partner, err.text);
        placer_scan_soon(placer);
    }
}

static void on_object(void *look_, struct transaction *transaction)
{
    struct look *look = look_;

    if (!look->is_asked_again && transaction->err.code == ERROR_NONE)
        decide(look, &transaction->object_get);
    else if (!look->is_asked_again && transaction->err.code == ERROR_NOT_FOUND)
        decide(look, NULL);
    else if (transaction->err.code != ERROR_NONE)
        placer_scan_soon(look->placer);
    look_end(look);
}

static struct slice key_of(const struct look *look)
{
    return (struct slice){(const char *)look->object.bytes, look->object.size};
}

static void start_reading(struct look *look, struct transaction *transaction, store_done_cb on_done)
{
    const struct placer_settings *settings = &look->placer->settings;
    struct error err = {0};

    look->reading = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_done, look, &err))
        return;
    transaction_destroy(&look->reading);
    placer_scan_soon(look->placer);
    look_drop(look);
}

/* Its row is there: that is what holds from now on. */
static void forget_placed(struct placer *placer, const char *id)
{
    for (size_t i = 0; i < PLACED_MAX; i++)
        if (strcmp(placer->placed[i].id, id) == 0)
            placer->placed[i].id[0] = '\0';
}

static void add_copy(struct look *look, const struct allocation_entry *entry)
{
    const char *partner = allocations_partner(look->placer->settings.allocations, entry->link);
    struct placer_copy *copy = &look->copies[look->count];
    struct allocation_record record;
    struct error err = {0};

    forget_placed(look->placer, entry->id);
    if (entry->role != ALLOCATION_ROLE_OWNER || partner == NULL ||
        look->count == PLACER_COPIES_MAX || !allocation_read(&record, entry->record, &err) ||
        record.state == ALLOCATION_RELEASED || record.state == ALLOCATION_LOST)
        return;
    *copy = (struct placer_copy){.state = record.state,
                                 .counts = allocation_counts(&record),
                                 .is_leaving = record.is_leaving,
                                 .is_unwanted = record.is_unwanted,
                                 .is_restored = entry->is_restored};
    snprintf(copy->partner, sizeof(copy->partner), "%s", partner);
    memcpy(copy->id, record.id, ULID_SIZE);
    look->count++;
}

static void read_object(struct look *look)
{
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);

    get->object_get.key = transaction_copy(get, key_of(look));
    start_reading(look, get, on_object);
}

static void on_copies(void *look_, struct transaction *transaction)
{
    struct look *look = look_;
    const struct allocation_list *list = &transaction->allocation_list;

    if (transaction->err.code != ERROR_NONE) {
        placer_scan_soon(look->placer);
        look_end(look);
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        add_copy(look, &list->entries[i]);
    add_placed(look);
    read_object(look);
}

static void look_begin(struct look *look)
{
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);

    list->allocation_list.by = ALLOCATION_LIST_OBJECT;
    list->allocation_list.object = transaction_copy(list, key_of(look));
    list->allocation_list.limit = ROWS_MAX;
    start_reading(look, list, on_copies);
}

static void start_running(struct placer *placer, struct look *look)
{
    size_t slot = 0;

    while (placer->running[slot] != NULL)
        slot++;
    placer->running[slot] = look;
    placer->running_count++;
    look_begin(look);
}

static void begin_next(struct placer *placer)
{
    while (placer->waiting != NULL && placer->running_count < LOOKS_AT_ONCE) {
        struct look *look = placer->waiting;

        placer->waiting = look->next;
        if (placer->waiting == NULL)
            placer->waiting_end = &placer->waiting;
        placer->waiting_count--;
        start_running(placer, look);
    }
}

void placer_look(struct placer *placer, struct slice object)
{
    struct look *look;
    struct error err = {0};
    struct cid cid;

    if (placer->policy == NULL || !cid_from_bytes(&cid, object.data, object.size, &err))
        return;
    for (size_t i = 0; i < LOOKS_AT_ONCE; i++) {
        look = placer->running[i];
        if (look != NULL && cid_equal(&look->object, &cid)) {
            look->is_asked_again = true;
            return;
        }
    }
    if (placer->waiting_count == WAITING_MAX) {
        placer_scan_soon(placer);
        return;
    }
    look = memory_alloc(sizeof(*look));
    look->next = NULL;
    look->placer = placer;
    look->object = cid;
    look->reading = NULL;
    look->is_asked_again = false;
    look->count = 0;
    *placer->waiting_end = look;
    placer->waiting_end = &look->next;
    placer->waiting_count++;
    begin_next(placer);
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
    placer->is_scanning = transaction->err.code == ERROR_NONE && page->has_more &&
                          cid_from_bytes(&placer->scanned, page->records[page->count - 1].key.data,
                                         page->records[page->count - 1].key.size, &err);
    placer->scan_ended_ms = loop_now_ms(placer->settings.loop);
}

static void scan_page(struct placer *placer)
{
    struct transaction *list = transaction_create(TRANSACTION_OBJECT_LIST);
    struct error err = {0};

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

    if (placer->scanning != NULL || placer->waiting_count > SCAN_PAGE)
        return;
    if (!placer->is_scanning && placer->is_scan_due && placer->policy != NULL &&
        (placer->scan_ended_ms == 0 || now_ms - placer->scan_ended_ms >= SCAN_AGAIN_MS)) {
        placer->is_scan_due = false;
        placer->is_scanning = true;
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
    begin_next(placer); /* what stayed when the ledger took no more */
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
    placer->waiting_end = &placer->waiting;
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
    placer_observe(placer);
    placer_scan_soon(placer);
}

static void drop_looks(struct placer *placer)
{
    struct look *look;

    while ((look = placer->waiting) != NULL) {
        placer->waiting = look->next;
        free(look);
    }
    for (size_t i = 0; i < LOOKS_AT_ONCE; i++) {
        look = placer->running[i];
        if (look != NULL)
            store_cancel(look->reading);
        free(look);
    }
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
    drop_looks(placer);
    if (placer->scanning != NULL)
        store_cancel(placer->scanning);
    if (placer->map != NULL)
        placement_map_destroy(&placer->map);
    if (placer->policy != NULL)
        policy_unref(&placer->policy);
    free(placer);
}

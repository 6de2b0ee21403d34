// SPDX-License-Identifier: Apache-2.0
/* One object looked at: its copies and claims are read, what is to be done is done, and who waits
 * for it is told how it stands. */
#include "conf/memory.h"
#include "federation/allocation_codec.h"
#include "federation/placer_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAITING_MAX = 10000, /* beyond it all objects are looked at */
    ROWS_PAGE = 128,
};

void looks_init(struct looks *looks)
{
    looks->waiting_end = &looks->waiting;
}

/* Those that wait are begun later. */
static void look_drop(struct look *look)
{
    struct looks *looks = &look->placer->looks;

    for (size_t i = 0; i < LOOKS_AT_ONCE; i++)
        if (looks->running[i] == look)
            looks->running[i] = NULL;
    looks->running_count--;
    for (size_t i = 0; i < look->count; i++)
        free((char *)look->copies[i].why);
    free(look->copies);
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
    looks_begin(placer);
}

/* It is looked at with the next look at all; who waits is told that nothing is known. */
static void look_fail(struct look *look)
{
    struct placer *placer = look->placer;
    struct cid object = look->object;

    placer_scan_soon(placer);
    look_drop(look);
    waiters_tell(placer, &object, NULL, (struct slice){NULL, 0});
    /* others are begun with the next refresh */
}

/* ---- what was placed a moment ago: its row may not be in the ledger yet */

static void note_placed(struct placer *placer, const struct look *look, const char *partner,
                        const char *id)
{
    struct placed *placed = &placer->looks.placed[placer->looks.placed_next++ % PLACED_MAX];

    *placed = (struct placed){.object = look->object, .at_ms = loop_now_ms(placer->settings.loop)};
    snprintf(placed->partner, sizeof(placed->partner), "%s", partner);
    memcpy(placed->id, id, ULID_SIZE);
}

static void add_placed(struct look *look)
{
    const struct placer *placer = look->placer;
    uint64_t now_ms = loop_now_ms(placer->settings.loop);

    for (size_t i = 0; i < PLACED_MAX && look->count < PLACER_COPIES_MAX; i++) {
        const struct placed *placed = &placer->looks.placed[i];
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

/* Its row is there: that is what holds from now on. */
static void forget_placed(struct placer *placer, const char *id)
{
    for (size_t i = 0; i < PLACED_MAX; i++)
        if (strcmp(placer->looks.placed[i].id, id) == 0)
            placer->looks.placed[i].id[0] = '\0';
}

/* ---- what is done */

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

static void do_all(struct look *look, const struct object_get *found,
                   const struct placement_result *result, const struct placer_act *acts,
                   size_t count)
{
    struct placer *placer = look->placer;
    struct error err = {0};

    for (size_t i = 0; i < count; i++) {
        if (act(placer, look, found != NULL ? &found->record : NULL, result, &acts[i], &err))
            continue;
        log_message(placer->settings.messages, LOG_LEVEL_WARNING,
                    "a copy at %.*s waits to be told of: %s", (int)acts[i].partner_size,
                    acts[i].partner, err.text);
        placer_scan_soon(placer);
    }
}

/* ---- what is told */

static void tell(struct look *look, const struct object_get *found,
                 const struct placement_result *result)
{
    struct placer *placer = look->placer;
    struct placer_stand stand;
    struct text words = {0};

    placer_stand(placer->map, found, look->copies, look->count, result, &stand);
    if (look->is_told || stand.is_short)
        placer_put_stand(placer->map, found, look->copies, look->count, &words);
    if (stand.is_short)
        shorts_note(&placer->shorts, &look->object, text_slice(&words), placer->settings.now_ms());
    else
        shorts_forget(&placer->shorts, &look->object);
    if (look->is_told)
        waiters_tell(placer, &look->object, &stand, text_slice(&words));
    text_dispose(&words);
}

static void decide(struct look *look, const struct object_get *found)
{
    struct placer *placer = look->placer;
    struct placer_act acts[PLACER_ACTS_MAX];
    struct placement_result result = {0};
    size_t count = 0;

    if (placer->map != NULL)
        count = placer_decide(placer->map, found, look->copies, look->count, acts, &result);
    tell(look, found, &result);
    do_all(look, found, &result, acts, count);
}

/* ---- what is read */

static void on_object(void *look_, struct transaction *transaction)
{
    struct look *look = look_;
    const struct placer_settings *settings = &look->placer->settings;

    if (transaction->err.code != ERROR_NONE && transaction->err.code != ERROR_NOT_FOUND) {
        look_fail(look);
        return;
    }
    if (!look->is_asked_again) {
        const struct object_get *found =
            transaction->err.code == ERROR_NONE ? &transaction->object_get : NULL;

        if (settings->on_claims != NULL)
            settings->on_claims(settings->claims_arg, &look->object, placer_is_guest(found));
        decide(look, found);
    }
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
    look_fail(look);
}

static char *why_of(const struct look *look, const struct allocation_record *record)
{
    char *why = memory_alloc(ALLOCATION_WHY_SIZE);

    allocation_why(record, look->placer->settings.now_ms(), why);
    return why;
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
                                 .is_restored = entry->is_restored,
                                 .why = look->is_told ? why_of(look, &record) : NULL};
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

static void read_copies(struct look *look, const struct allocation_entry *after);

static void on_copies(void *look_, struct transaction *transaction)
{
    struct look *look = look_;
    const struct allocation_list *list = &transaction->allocation_list;

    if (transaction->err.code != ERROR_NONE) {
        look_fail(look);
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        add_copy(look, &list->entries[i]);
    if (list->has_more && look->count < PLACER_COPIES_MAX) {
        read_copies(look, &list->entries[list->count - 1]);
        return;
    }
    add_placed(look);
    read_object(look);
}

/* A page of them, behind that one. */
static void read_copies(struct look *look, const struct allocation_entry *after)
{
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct allocation_entry *from;

    list->allocation_list.by = ALLOCATION_LIST_COPIES;
    list->allocation_list.object = transaction_copy(list, key_of(look));
    list->allocation_list.limit = ROWS_PAGE;
    if (after != NULL) {
        from = arena_alloc(&list->arena, sizeof(*from));
        *from = (struct allocation_entry){.role = after->role};
        memcpy(from->link, after->link, sizeof(from->link));
        memcpy(from->id, after->id, sizeof(from->id));
        list->allocation_list.after = from;
    }
    start_reading(look, list, on_copies);
}

/* ---- which ones */

static void begin(struct placer *placer, struct look *look)
{
    struct looks *looks = &placer->looks;
    size_t slot = 0;

    while (looks->running[slot] != NULL)
        slot++;
    looks->running[slot] = look;
    looks->running_count++;
    look->copies = memory_alloc(PLACER_COPIES_MAX * sizeof(*look->copies));
    look->is_told = waiters_have(placer, &look->object);
    read_copies(look, NULL);
}

void looks_begin(struct placer *placer)
{
    struct looks *looks = &placer->looks;

    while (looks->waiting != NULL && looks->running_count < LOOKS_AT_ONCE) {
        struct look *look = looks->waiting;

        looks->waiting = look->next;
        if (looks->waiting == NULL)
            looks->waiting_end = &looks->waiting;
        looks->waiting_count--;
        begin(placer, look);
    }
}

/* What somebody waits for goes first. */
static void queue(struct placer *placer, const struct cid *object, bool is_urgent)
{
    struct looks *looks = &placer->looks;
    struct look *look = memory_alloc(sizeof(*look));

    *look = (struct look){.placer = placer, .object = *object};
    if (is_urgent) {
        look->next = looks->waiting;
        looks->waiting = look;
        if (look->next == NULL)
            looks->waiting_end = &look->next;
    } else {
        *looks->waiting_end = look;
        looks->waiting_end = &look->next;
    }
    looks->waiting_count++;
}

void placer_look(struct placer *placer, struct slice object)
{
    struct looks *looks = &placer->looks;
    struct error err = {0};
    bool is_urgent;
    struct cid cid;

    if (!cid_from_bytes(&cid, object.data, object.size, &err))
        return;
    is_urgent = waiters_have(placer, &cid);
    if (placer->policy == NULL && !is_urgent)
        return;
    for (size_t i = 0; i < LOOKS_AT_ONCE; i++)
        if (looks->running[i] != NULL && cid_equal(&looks->running[i]->object, &cid)) {
            looks->running[i]->is_asked_again = true;
            return;
        }
    if (looks->waiting_count >= WAITING_MAX && !is_urgent) {
        placer_scan_soon(placer);
        return;
    }
    queue(placer, &cid, is_urgent);
    looks_begin(placer);
}

void looks_drop(struct looks *looks)
{
    struct look *look;

    while ((look = looks->waiting) != NULL) {
        looks->waiting = look->next;
        free(look);
    }
    for (size_t i = 0; i < LOOKS_AT_ONCE; i++) {
        look = looks->running[i];
        if (look == NULL)
            continue;
        store_cancel(look->reading);
        look_drop(look);
    }
}

// SPDX-License-Identifier: Apache-2.0
/* Turns: what waits to be reserved, and what waits to be released, of one link. The greatest
 * priority goes first, then who was there first.
 *
 * Of each queue the first ALLOCATIONS_WINDOW or so are in memory; those behind the floor are in the
 * ledger alone, and are read when the others have had their turns. All that stands before the floor
 * is in memory, always. */
#include "federation/allocations_private.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"

#include <stdlib.h>

enum {
    PUMP_LATER_MS = 60 * 1000,
    TURNS_AT_ONCE = 100, /* each is written to the ledger */
};

static const enum allocation_state queued[QUEUES] = {
    [QUEUE_RESERVE] = ALLOCATION_QUEUED, [QUEUE_RELEASE] = ALLOCATION_RELEASING};

/* ---- order */

static int compare(int32_t priority_a, const char *id_a, int32_t priority_b, const char *id_b)
{
    if (priority_a != priority_b)
        return priority_a > priority_b ? -1 : 1;
    return strcmp(id_a, id_b);
}

static bool is_before(const struct entry *a, const struct entry *b)
{
    return compare(a->record.priority, a->record.id, b->record.priority, b->record.id) < 0;
}

static size_t window_of(const struct queue *queue)
{
    return queue->party->allocations->settings.window;
}

static bool is_behind_floor(const struct queue *queue, const struct allocation_record *record)
{
    return queue->has_floor &&
           compare(record->priority, record->id, queue->floor.priority, queue->floor.id) > 0;
}

/* NULL: it waits for no turn. */
static struct queue *queue_of(struct party *party, const struct allocation_record *record)
{
    if ((allocation_work(record) & ALLOCATION_WORK_TURN) == 0)
        return NULL;
    return &party->queues[record->state == ALLOCATION_RELEASING ? QUEUE_RELEASE : QUEUE_RESERVE];
}

/* ---- a heap of those in memory */

static void put_at(struct queue *queue, size_t index, struct entry *entry)
{
    queue->heap[index] = entry;
    entry->place = index + 1;
}

static void rise(struct queue *queue, size_t index)
{
    struct entry *entry = queue->heap[index];

    while (index > 0 && is_before(entry, queue->heap[(index - 1) / 2])) {
        put_at(queue, index, queue->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    put_at(queue, index, entry);
}

static void sink_down(struct queue *queue, size_t index)
{
    struct entry *entry = queue->heap[index];

    for (;;) {
        size_t child = 2 * index + 1;

        if (child + 1 < queue->count && is_before(queue->heap[child + 1], queue->heap[child]))
            child++;
        if (child >= queue->count || !is_before(queue->heap[child], entry))
            break;
        put_at(queue, index, queue->heap[child]);
        index = child;
    }
    put_at(queue, index, entry);
}

void queue_enter(struct entry *entry)
{
    struct queue *queue = queue_of(entry->party, &entry->record);

    if (queue == NULL || entry->writing > 0 || entry->place > 0)
        return;
    if (queue->count == queue->room) {
        queue->room = queue->room > 0 ? 2 * queue->room : 64;
        queue->heap = memory_resize_array(queue->heap, queue->room, sizeof(struct entry *));
    }
    entry->queue = queue;
    put_at(queue, queue->count++, entry);
    rise(queue, entry->place - 1);
}

void queue_leave(struct entry *entry)
{
    struct queue *queue = entry->queue;
    size_t index = entry->place - 1;
    struct entry *last;

    if (entry->place == 0)
        return;
    entry->place = 0;
    last = queue->heap[--queue->count];
    if (last == entry)
        return;
    put_at(queue, index, last);
    sink_down(queue, index);
    rise(queue, last->place - 1);
}

/* ---- what is in the ledger alone */

bool queue_leaves_in_ledger(struct party *party, const struct allocation_record *record)
{
    struct queue *queue = queue_of(party, record);

    if (queue == NULL)
        return record->state == ALLOCATION_STUCK && record->item == ALLOCATION_NO_ITEM;
    queue->has_more = true;
    return true;
}

bool entry_may_sleep(const struct entry *entry)
{
    const struct allocation_record *record = &entry->record;
    const struct queue *queue = queue_of(entry->party, record);

    if (queue != NULL)
        return is_behind_floor(queue, record);
    return record->state == ALLOCATION_STUCK && record->item == ALLOCATION_NO_ITEM &&
           record->retry_ms != 0;
}

void queues_reset(struct party *party)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        struct queue *queue = &party->queues[i];

        if (queue->page != NULL)
            store_cancel(queue->page);
        free(queue->heap);
        *queue = (struct queue){.party = party};
    }
}

static void wake(struct party *party, const struct allocation_entry *kept)
{
    struct allocation_record record;
    struct allocation_actions actions;

    if (allocations_entry(party->allocations, party, ALLOCATION_OWNER, kept->id) != NULL ||
        !allocation_read(&record, kept->record, NULL))
        return;
    allocation_load(&record, &actions);
    entry_begin(allocations_add(party->allocations, party, &record), &actions);
}

static void on_page(void *queue_, struct transaction *transaction)
{
    struct queue *queue = queue_;
    const struct allocation_list *list = &transaction->allocation_list;

    queue->page = NULL;
    if (transaction->err.code != ERROR_NONE) {
        allocations_log(queue->party->allocations, "the queue of '%s' cannot be read: %s",
                        queue->party->partner, transaction->err.text);
        return; /* with a later turn */
    }
    queue->has_more = queue->has_floor = list->has_more;
    if (list->has_more) {
        const struct allocation_entry *last = &list->entries[list->count - 1];

        queue->floor.priority = last->priority;
        memcpy(queue->floor.id, last->id, ULID_SIZE);
    }
    for (size_t i = 0; i < list->count; i++)
        wake(queue->party, &list->entries[i]);
    party_pump_soon(queue->party);
}

/* What stands next behind the floor. */
static void refill(struct queue *queue, enum allocation_state state)
{
    const struct allocations_settings *settings = &queue->party->allocations->settings;
    struct transaction *transaction;
    struct allocation_list *list;

    if (!queue->has_more || queue->page != NULL ||
        (queue->has_floor && queue->count >= window_of(queue) / 2))
        return;
    transaction = transaction_create(TRANSACTION_ALLOCATION_LIST);
    list = &transaction->allocation_list;
    list->by = ALLOCATION_LIST_STATE;
    list->role = ALLOCATION_OWNER;
    list->limit = window_of(queue);
    memcpy(list->link, queue->party->link, ULID_SIZE);
    (void)snprintf(list->state, sizeof(list->state), "%s", allocation_state_name(state));
    if (queue->has_floor) {
        struct allocation_entry after = {.priority = queue->floor.priority};

        memcpy(after.id, queue->floor.id, ULID_SIZE);
        list->after = (const struct allocation_entry *)(const void *)transaction_copy(
                          transaction, (struct slice){(const char *)&after, sizeof(after)})
                          .data;
    }
    queue->page = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_page, queue, NULL))
        return;
    queue->page = NULL;
    transaction_destroy(&transaction);
}

static int compare_entries(const void *a, const void *b)
{
    return is_before(*(struct entry *const *)a, *(struct entry *const *)b) ? -1 : 1;
}

/* Too many are in memory: the last of them sleep. A page that is under way knows the old floor. */
static void bound(struct queue *queue)
{
    struct entry **sorted;
    size_t count = queue->count, window = window_of(queue);

    if (count <= 2 * window || queue->page != NULL)
        return;
    sorted = memory_resize_array(NULL, count, sizeof(struct entry *));
    memcpy(sorted, queue->heap, count * sizeof(struct entry *));
    qsort(sorted, count, sizeof(struct entry *), compare_entries);
    queue->has_more = queue->has_floor = true;
    queue->floor.priority = sorted[window - 1]->record.priority;
    memcpy(queue->floor.id, sorted[window - 1]->record.id, ULID_SIZE);
    for (size_t i = window; i < count; i++)
        allocations_settle_entry(sorted[i]);
    free(sorted);
}

/* NULL: none, or it is not known yet. */
static struct entry *first(const struct queue *queue)
{
    bool is_known = !queue->has_more || queue->has_floor;

    return is_known && queue->count > 0 ? queue->heap[0] : NULL;
}

/* ---- turns */

static void fill_releases(struct party *party)
{
    uint64_t now_ms = loop_now_ms(party->allocations->settings.loop);
    uint64_t hundredth = party->there.pins / 100;
    double hour =
        (double)(hundredth > ALLOCATIONS_RELEASES_HOUR ? hundredth : ALLOCATIONS_RELEASES_HOUR);

    if (party->releases_ms != 0)
        party->releases += hour * (double)(now_ms - party->releases_ms) / ALLOCATION_HOUR_MS;
    if (party->releases > ALLOCATIONS_RELEASES_BURST)
        party->releases = ALLOCATIONS_RELEASES_BURST;
    party->releases_ms = now_ms;
}

static void release_next(struct party *party, struct entry *entry)
{
    struct allocation_event event = {.kind = ALLOCATION_TURN};

    party->releases--;
    entry_tell(entry, &event);
}

static void reserve_next(struct party *party, struct entry *entry)
{
    struct allocation_event event = {.kind = ALLOCATION_TURN,
                                     .room = grant_room(&party->there, entry->record.bytes)};
    struct text why = {0};

    if (evicted_bars(party, &entry->record.root)) {
        event.room = ALLOCATION_ROOM_EVICTED;
        text_put_text(&why, "they had it a short time ago: it is not sent again at once");
    } else if (event.room != ALLOCATION_ROOM)
        grant_explain(&party->there, entry->record.bytes, &why);
    event.said = text_slice(&why);
    entry_tell(entry, &event);
    text_dispose(&why);
}

void party_pump_soon(struct party *party)
{
    if (!party->pumps_soon)
        timer_arm(party->allocations->settings.loop, &party->pump, PUMP_MS);
    party->pumps_soon = true;
}

void party_pump(struct party *party)
{
    unsigned turns = 0;
    struct entry *entry;

    party->pumps_soon = false;
    if (party->is_loading || party->state != ALLOCATIONS_LINK_UP)
        return;
    for (unsigned i = 0; i < QUEUES; i++) {
        bound(&party->queues[i]);
        refill(&party->queues[i], queued[i]);
    }
    fill_releases(party);
    while (party->releases >= 1 && (entry = first(&party->queues[QUEUE_RELEASE])) != NULL)
        release_next(party, entry);
    while (party->is_granted && !party->is_draining && party->busy < ALLOCATIONS_SLOTS &&
           turns++ < TURNS_AT_ONCE && (entry = first(&party->queues[QUEUE_RESERVE])) != NULL)
        reserve_next(party, entry);
    if (turns > TURNS_AT_ONCE)
        party_pump_soon(party);
    if (!party->pumps_soon)
        timer_arm(party->allocations->settings.loop, &party->pump, PUMP_LATER_MS);
}

// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

/* As ALLOCATION_COLUMNS has them. */
enum column {
    COLUMN_LINK,
    COLUMN_ROLE,
    COLUMN_ID,
    COLUMN_OBJECT,
    COLUMN_STATE,
    COLUMN_PRIORITY,
    COLUMN_BYTES,
    COLUMN_PINS,
    COLUMN_SINCE_MS,
    COLUMN_WAKE_MS,
    COLUMN_HELD_KEY,
    COLUMN_RELEASE_KEY,
    COLUMN_EVICT_KEY,
    COLUMN_RECORD,
    COLUMN_IS_RESTORED,
};

#define PRIORITY_ZERO (INT64_C(1) << 31)

static uint64_t store_priority(int32_t priority)
{
    return (uint64_t)(priority + PRIORITY_ZERO);
}

/* ---- writing */

bool sqlite_allocation_put(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    const struct allocation_entry *entry = &transaction->allocation_put.entry;
    struct sqlite_run run;

    if (entry->record.size > ALLOCATION_RECORD_MAX)
        return error_set(err, ERROR_LIMIT,
                         "allocation %s: %zu bytes of a record; at most %d are kept", entry->id,
                         entry->record.size, ALLOCATION_RECORD_MAX);
    if (!sqlite_begin(&run, sqlite, STATEMENT_ALLOCATION_PUT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(entry->link));
    sqlite_bind_integer(&run, 2, entry->role);
    sqlite_bind_text(&run, 3, slice_of(entry->id));
    sqlite_bind_bytes(&run, 4, entry->object.data, entry->object.size);
    sqlite_bind_text(&run, 5, slice_of(entry->state));
    sqlite_bind_integer(&run, 6, store_priority(entry->priority));
    sqlite_bind_integer(&run, 7, entry->bytes);
    sqlite_bind_integer(&run, 8, entry->pins);
    sqlite_bind_integer(&run, 9, entry->since_ms);
    sqlite_bind_integer(&run, 10, entry->wake_ms);
    sqlite_bind_text(&run, 11, slice_of(entry->held_key));
    sqlite_bind_text(&run, 12, slice_of(entry->release_key));
    sqlite_bind_text(&run, 13, slice_of(entry->evict_key));
    sqlite_bind_bytes(&run, 14, entry->record.data, entry->record.size);
    return sqlite_finish(&run);
}

static void bind_name(struct sqlite_run *run, const char *link, uint8_t role, const char *id)
{
    sqlite_bind_text(run, 1, slice_of(link));
    sqlite_bind_integer(run, 2, role);
    sqlite_bind_text(run, 3, slice_of(id));
}

bool sqlite_allocation_remove(struct sqlite *sqlite, struct transaction *transaction,
                              struct error *err)
{
    const struct allocation_remove *in = &transaction->allocation_remove;
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_ALLOCATION_REMOVE, err))
        return false;
    bind_name(&run, in->link, in->role, in->id);
    return sqlite_finish(&run);
}

/* ---- reading */

static bool read_entry(struct sqlite_run *run, void *record, struct arena *arena)
{
    struct allocation_entry *entry = record;

    *entry = (struct allocation_entry){
        .role = (uint8_t)sqlite_integer(run, COLUMN_ROLE),
        .object = sqlite_read_bytes(run, COLUMN_OBJECT, arena),
        .priority = (int32_t)((int64_t)sqlite_integer(run, COLUMN_PRIORITY) - PRIORITY_ZERO),
        .bytes = sqlite_integer(run, COLUMN_BYTES),
        .pins = sqlite_integer(run, COLUMN_PINS),
        .since_ms = sqlite_integer(run, COLUMN_SINCE_MS),
        .wake_ms = sqlite_integer(run, COLUMN_WAKE_MS),
        .record = sqlite_read_bytes(run, COLUMN_RECORD, arena),
        .is_restored = sqlite_integer(run, COLUMN_IS_RESTORED) != 0,
    };
    return sqlite_read_text(run, COLUMN_LINK, entry->link, sizeof(entry->link)) &&
           sqlite_read_text(run, COLUMN_ID, entry->id, sizeof(entry->id)) &&
           sqlite_read_text(run, COLUMN_STATE, entry->state, sizeof(entry->state)) &&
           sqlite_read_text(run, COLUMN_HELD_KEY, entry->held_key, sizeof(entry->held_key)) &&
           sqlite_read_text(run, COLUMN_RELEASE_KEY, entry->release_key,
                            sizeof(entry->release_key)) &&
           sqlite_read_text(run, COLUMN_EVICT_KEY, entry->evict_key, sizeof(entry->evict_key));
}

bool sqlite_allocation_get(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    struct allocation_get *in = &transaction->allocation_get;
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_ALLOCATION_GET, err))
        return false;
    bind_name(&run, in->link, in->role, in->id);
    is_read = sqlite_step(&run, &has_row);
    if (is_read && !has_row)
        is_read = error_set(err, ERROR_NOT_FOUND, "there is no allocation %s of this link", in->id);
    is_read = is_read && read_entry(&run, &in->entry, &transaction->arena);
    sqlite_end(&run);
    return is_read;
}

/* What an order needs beside link, role, id and limit. */
static void bind_list(struct sqlite_run *run, const struct allocation_list *in,
                      const struct allocation_entry *after)
{
    static const struct allocation_entry first = {.priority = INT32_MAX};
    const struct allocation_entry *from = after != NULL ? after : &first;
    bool is_of_link = in->by == ALLOCATION_LIST_ID || in->by == ALLOCATION_LIST_STATE;

    bind_name(run, is_of_link ? in->link : from->link, is_of_link ? in->role : from->role,
              from->id);
    switch (in->by) {
    case ALLOCATION_LIST_ID:
        break;
    case ALLOCATION_LIST_STATE:
        sqlite_bind_text(run, 5, slice_of(in->state));
        sqlite_bind_integer(run, 6, store_priority(from->priority));
        break;
    case ALLOCATION_LIST_OBJECT:
        sqlite_bind_bytes(run, 5, in->object.data, in->object.size);
        break;
    case ALLOCATION_LIST_COPIES:
        sqlite_bind_bytes(run, 5, in->object.data, in->object.size);
        sqlite_bind_integer(run, 6, ALLOCATION_ROLE_OWNER);
        break;
    case ALLOCATION_LIST_DUE:
        sqlite_bind_integer(run, 5, from->wake_ms);
        sqlite_bind_integer(run, 6, in->until_ms);
        break;
    case ALLOCATION_LIST_UNPINNED:
        sqlite_bind_bytes(run, 5, from->object.data, from->object.size);
        break;
    }
}

bool sqlite_allocation_list(struct sqlite *sqlite, struct transaction *transaction,
                            struct error *err)
{
    static const enum statement statements[] = {
        [ALLOCATION_LIST_ID] = STATEMENT_ALLOCATION_LIST_ID,
        [ALLOCATION_LIST_STATE] = STATEMENT_ALLOCATION_LIST_STATE,
        [ALLOCATION_LIST_OBJECT] = STATEMENT_ALLOCATION_LIST_OBJECT,
        [ALLOCATION_LIST_COPIES] = STATEMENT_ALLOCATION_LIST_COPIES,
        [ALLOCATION_LIST_DUE] = STATEMENT_ALLOCATION_LIST_DUE,
        [ALLOCATION_LIST_UNPINNED] = STATEMENT_ALLOCATION_LIST_UNPINNED,
    };
    struct allocation_list *in = &transaction->allocation_list;
    const struct sqlite_page page = SQLITE_PAGE(in, entries, 4);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, statements[in->by], err))
        return false;
    bind_list(&run, in, in->after);
    in->entries = sqlite_read_page(&run, &page, read_entry, &transaction->arena);
    return in->entries != NULL;
}

static bool read_total(struct sqlite_run *run, void *record, struct arena *arena)
{
    struct allocation_total *total = record;

    (void)arena;
    total->count = sqlite_integer(run, 1);
    total->bytes = sqlite_integer(run, 2);
    total->pins = sqlite_integer(run, 3);
    return sqlite_read_text(run, 0, total->state, sizeof(total->state));
}

bool sqlite_allocation_sum(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    struct allocation_sum *in = &transaction->allocation_sum;
    bool has_more; /* states are few */
    const struct sqlite_page page = {.limit = ALLOCATION_STATES_MAX,
                                     .record_size = sizeof(*in->totals),
                                     .limit_parameter = 3,
                                     .count = &in->count,
                                     .has_more = &has_more};
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_ALLOCATION_SUM, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->link));
    sqlite_bind_integer(&run, 2, in->role);
    in->totals = sqlite_read_page(&run, &page, read_total, &transaction->arena);
    return in->totals != NULL;
}

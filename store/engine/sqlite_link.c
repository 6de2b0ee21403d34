// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

#include <stdio.h>

/* As LINK_COLUMNS has them. */
enum column {
    COLUMN_PARTNER,
    COLUMN_ID,
    COLUMN_STATE,
    COLUMN_EPOCH,
    COLUMN_ENDED_EPOCH,
    COLUMN_RECORD,
    COLUMN_ROOTS,
    COLUMN_ADDRESS,
    COLUMN_WORDS,
    COLUMN_LIMITS,
    COLUMN_INVITATION_HASH,
    COLUMN_BREAKER_IS_OPEN,
    COLUMN_BREAKER_ATTEMPT,
    COLUMN_BREAKER_RETRY_MS,
    COLUMN_IS_RESTORED,
};

/* ---- putting */

/* What is there by the partner's name and by the id. */
struct before {
    bool is_there;
    char id[ULID_SIZE];
    uint64_t epoch, ended_epoch;
};

static bool check_sizes(const struct link_entry *entry, struct error *err)
{
    const struct {
        const char *what;
        size_t size, max;
    } sizes[] = {
        {"record", entry->record.size, LINK_RECORD_MAX},
        {"roots document", entry->roots.size, LINK_ROOTS_MAX},
        {"address", entry->address.size, LINK_ADDRESS_MAX},
        {"words", entry->words.size, LINK_WORDS_MAX},
        {"limits", entry->limits.size, LINK_RECORD_MAX},
    };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        if (sizes[i].size > sizes[i].max)
            return error_set(err, ERROR_LIMIT, "link %s: %zu bytes of %s; at most %zu are kept",
                             entry->id, sizes[i].size, sizes[i].what, sizes[i].max);
    return true;
}

/* One row of LINK_BEFORE. */
static bool read_before(struct sqlite_run *run, const struct link_entry *entry,
                        struct before *before)
{
    char partner[ID_SIZE], id[ULID_SIZE];

    if (!sqlite_read_text(run, 0, partner, sizeof(partner)) ||
        !sqlite_read_text(run, 1, id, sizeof(id)))
        return false;
    if (strcmp(partner, entry->partner) != 0)
        return error_set(run->err, ERROR_MISMATCH, "link %s is %s's, and cannot be %s's as well",
                         id, partner, entry->partner);
    before->is_there = true;
    memcpy(before->id, id, sizeof(id));
    before->epoch = sqlite_integer(run, 2);
    before->ended_epoch = sqlite_integer(run, 3);
    return true;
}

static bool find_before(struct sqlite *sqlite, const struct link_entry *entry,
                        struct before *before, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    *before = (struct before){0};
    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_BEFORE, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(entry->partner));
    sqlite_bind_text(&run, 2, slice_of(entry->id));
    while ((is_read = sqlite_step(&run, &has_row)) && has_row)
        if (!(is_read = read_before(&run, entry, before)))
            break;
    sqlite_end(&run);
    return is_read;
}

static bool delete_of(struct sqlite *sqlite, enum statement statement, const char *link,
                      struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, statement, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(link));
    return sqlite_finish(&run);
}

/* The link of another id takes its place. */
static bool forget(struct sqlite *sqlite, const char *link, struct error *err)
{
    return delete_of(sqlite, STATEMENT_SEQUENCE_DELETE, link, err) &&
           delete_of(sqlite, STATEMENT_SETTLED_DELETE_ALL, link, err) &&
           delete_of(sqlite, STATEMENT_REPLY_DELETE, link, err);
}

static bool put(struct sqlite *sqlite, const struct link_entry *entry, uint64_t ended_epoch,
                struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_PUT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(entry->partner));
    sqlite_bind_text(&run, 2, slice_of(entry->id));
    sqlite_bind_text(&run, 3, slice_of(entry->state));
    sqlite_bind_integer(&run, 4, entry->epoch);
    sqlite_bind_integer(&run, 5, ended_epoch);
    sqlite_bind_bytes(&run, 6, entry->record.data, entry->record.size);
    sqlite_bind_bytes(&run, 7, entry->roots.data, entry->roots.size);
    sqlite_bind_text(&run, 8, entry->address);
    sqlite_bind_text(&run, 9, entry->words);
    sqlite_bind_bytes(&run, 10, entry->limits.data, entry->limits.size);
    sqlite_bind_bytes(&run, 11, entry->invitation_hash,
                      entry->has_invitation ? RECORD_HASH_SIZE : 0);
    sqlite_bind_integer(&run, 12, entry->breaker_is_open);
    sqlite_bind_integer(&run, 13, entry->breaker_attempt);
    sqlite_bind_integer(&run, 14, entry->breaker_retry_ms);
    return sqlite_finish(&run);
}

bool sqlite_link_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct link_entry *entry = &transaction->link_put.entry;
    uint64_t ended_epoch = entry->ended_epoch;
    struct before before;
    bool is_same;

    if (!check_sizes(entry, err) || !find_before(sqlite, entry, &before, err))
        return false;
    is_same = before.is_there && strcmp(before.id, entry->id) == 0;
    if (is_same && entry->epoch < before.epoch)
        return error_set(err, ERROR_REFUSED,
                         "link %s with %s is in epoch %llu, and %llu is before it", entry->id,
                         entry->partner, (unsigned long long)before.epoch,
                         (unsigned long long)entry->epoch);
    if (before.is_there && !is_same && !forget(sqlite, before.id, err))
        return false;
    if (is_same && before.ended_epoch > ended_epoch)
        ended_epoch = before.ended_epoch;
    return put(sqlite, entry, ended_epoch, err);
}

/* ---- reading */

static bool read_invitation(struct sqlite_run *run, struct link_entry *entry)
{
    entry->has_invitation = sqlite3_column_bytes(run->statement, COLUMN_INVITATION_HASH) > 0;
    return !entry->has_invitation ||
           sqlite_read_hash(run, COLUMN_INVITATION_HASH, entry->invitation_hash);
}

static bool read_entry(struct sqlite_run *run, void *record, struct arena *arena)
{
    struct link_entry *entry = record;

    *entry = (struct link_entry){
        .epoch = sqlite_integer(run, COLUMN_EPOCH),
        .ended_epoch = sqlite_integer(run, COLUMN_ENDED_EPOCH),
        .record = sqlite_read_bytes(run, COLUMN_RECORD, arena),
        .roots = sqlite_read_bytes(run, COLUMN_ROOTS, arena),
        .address = sqlite_read_bytes(run, COLUMN_ADDRESS, arena),
        .words = sqlite_read_bytes(run, COLUMN_WORDS, arena),
        .limits = sqlite_read_bytes(run, COLUMN_LIMITS, arena),
        .breaker_is_open = sqlite_integer(run, COLUMN_BREAKER_IS_OPEN) != 0,
        .breaker_attempt = (uint32_t)sqlite_integer(run, COLUMN_BREAKER_ATTEMPT),
        .breaker_retry_ms = sqlite_integer(run, COLUMN_BREAKER_RETRY_MS),
        .is_restored = sqlite_integer(run, COLUMN_IS_RESTORED) != 0,
    };
    return sqlite_read_text(run, COLUMN_PARTNER, entry->partner, sizeof(entry->partner)) &&
           sqlite_read_text(run, COLUMN_ID, entry->id, sizeof(entry->id)) &&
           sqlite_read_text(run, COLUMN_STATE, entry->state, sizeof(entry->state)) &&
           read_invitation(run, entry);
}

bool sqlite_link_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct link_get *in = &transaction->link_get;
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_GET, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->partner));
    is_read = sqlite_step(&run, &has_row);
    if (is_read && !has_row)
        is_read = error_set(err, ERROR_NOT_FOUND, "there is no link with %s", in->partner);
    is_read = is_read && read_entry(&run, &in->entry, &transaction->arena);
    sqlite_end(&run);
    return is_read;
}

bool sqlite_link_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct link_list *in = &transaction->link_list;
    const struct sqlite_page page = SQLITE_PAGE(in, entries, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_LIST, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->after));
    in->entries = sqlite_read_page(&run, &page, read_entry, &transaction->arena);
    return in->entries != NULL;
}

/* ---- history */

static bool trim(struct sqlite *sqlite, const char *partner, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_EVENT_TRIM, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(partner));
    sqlite_bind_integer(&run, 2, LINK_HISTORY_MAX);
    return sqlite_finish(&run);
}

bool sqlite_link_event_add(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    const struct link_event_add *in = &transaction->link_event_add;
    const struct link_history *history = &in->history;
    struct sqlite_run run;

    if (history->said.size > LINK_SAID_MAX || history->actor.size > LINK_SAID_MAX ||
        history->event.size > LINK_SAID_MAX)
        return error_set(err, ERROR_LIMIT,
                         "an entry of a link's history has texts of at most %d "
                         "bytes",
                         LINK_SAID_MAX);
    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_EVENT_ADD, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->partner));
    sqlite_bind_integer(&run, 2, history->at_ms);
    sqlite_bind_integer(&run, 3, history->epoch);
    sqlite_bind_text(&run, 4, slice_of(history->from));
    sqlite_bind_text(&run, 5, slice_of(history->to));
    sqlite_bind_text(&run, 6, history->actor);
    sqlite_bind_text(&run, 7, history->event);
    sqlite_bind_text(&run, 8, history->said);
    return sqlite_finish(&run) && trim(sqlite, in->partner, err);
}

static bool read_history(struct sqlite_run *run, void *record, struct arena *arena)
{
    struct link_history *history = record;

    *history = (struct link_history){
        .number = sqlite_integer(run, 0),
        .at_ms = sqlite_integer(run, 1),
        .epoch = sqlite_integer(run, 2),
        .actor = sqlite_read_bytes(run, 5, arena),
        .event = sqlite_read_bytes(run, 6, arena),
        .said = sqlite_read_bytes(run, 7, arena),
    };
    return sqlite_read_text(run, 3, history->from, sizeof(history->from)) &&
           sqlite_read_text(run, 4, history->to, sizeof(history->to));
}

bool sqlite_link_event_list(struct sqlite *sqlite, struct transaction *transaction,
                            struct error *err)
{
    struct link_event_list *in = &transaction->link_event_list;
    const struct sqlite_page page = SQLITE_PAGE(in, entries, 3);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_LINK_EVENT_LIST, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->partner));
    sqlite_bind_integer(&run, 2, in->before == 0 ? INT64_MAX : in->before);
    in->entries = sqlite_read_page(&run, &page, read_history, &transaction->arena);
    return in->entries != NULL;
}

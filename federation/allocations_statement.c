// SPDX-License-Identifier: Apache-2.0
/* What a link's allocations state, page by page from the ledger; and what is learned from a page of
 * the partner's. */
#include "federation/allocations_private.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 100, AT_ONCE = 64 };

/* The rows of one role that come next. */
struct cursor {
    struct allocation_record *records;
    size_t count, at;
    char after[ULID_SIZE]; /* read so far */
    bool has_more;
};

/* One event of a comparison. */
struct told {
    char id[ULID_SIZE];
    enum allocation_role role;
    const struct statement_entry *theirs; /* NULL: they do not state it */
    bool is_new;                          /* no row of ours has it */
};

struct stating {
    struct allocations *allocations;
    struct stating *next, **link;
    struct party *party;
    struct statement *page;                    /* ours */
    struct allocations_comparison *comparison; /* NULL: the page is all that is wanted */
    unsigned our_side;
    struct cursor cursors[2]; /* the owner's, the holder's */
    struct transaction *transaction;
    struct told *told;
    size_t told_count, told_room;
    size_t begun, running;
    bool is_beginning, is_learning;
    struct learning *learning; /* of one that is new: one at a time */
    struct error err;          /* the first one */
    allocations_done on_done;
    void *arg;
};

static void advance(struct stating *stating);
static void pump(struct stating *stating);

static void stating_end(struct stating *stating, const struct error *err)
{
    struct stating ended = *stating;

    *stating->link = stating->next;
    if (stating->next != NULL)
        stating->next->link = stating->link;
    if (stating->transaction != NULL)
        store_cancel(stating->transaction);
    learning_cancel(&stating->learning);
    for (size_t i = 0; i < 2; i++)
        free(stating->cursors[i].records);
    free(stating->told);
    free(stating);
    ended.on_done(ended.arg, err);
}

/* ---- rows of the ledger, both roles by id */

static enum allocation_role role_of(const struct stating *stating, const struct cursor *cursor)
{
    return cursor == &stating->cursors[0] ? ALLOCATION_OWNER : ALLOCATION_HOLDER;
}

static void take_row(struct stating *stating, struct cursor *cursor,
                     const struct allocation_entry *kept)
{
    memcpy(cursor->after, kept->id, ULID_SIZE);
    if (allocation_read(&cursor->records[cursor->count], kept->record, NULL))
        cursor->count++;
    else
        allocations_log(stating->allocations,
                        "allocation %s with '%s' is kept in a form that cannot be read: it is in "
                        "no statement",
                        kept->id, stating->party->partner);
}

static void on_rows(void *stating_, struct transaction *transaction)
{
    const struct allocation_list *list = &transaction->allocation_list;
    struct stating *stating = stating_;
    struct cursor *cursor = &stating->cursors[list->role == ALLOCATION_OWNER ? 0 : 1];

    stating->transaction = NULL;
    if (transaction->err.code != ERROR_NONE) {
        stating_end(stating, &transaction->err);
        return;
    }
    cursor->at = cursor->count = 0;
    for (size_t i = 0; i < list->count; i++)
        take_row(stating, cursor, &list->entries[i]);
    cursor->has_more = list->has_more;
    advance(stating);
}

static void read_rows(struct stating *stating, const struct cursor *cursor)
{
    const struct allocations_settings *settings = &stating->allocations->settings;
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct allocation_list *list = &transaction->allocation_list;
    struct allocation_entry after = {0};
    struct error err = {0};

    list->by = ALLOCATION_LIST_ID;
    list->role = (uint8_t)role_of(stating, cursor);
    list->limit = ROWS;
    memcpy(list->link, stating->party->link, sizeof(list->link));
    memcpy(after.id, cursor->after, ULID_SIZE);
    if (after.id[0] != '\0')
        list->after = (const struct allocation_entry *)(const void *)transaction_copy(
                          transaction, (struct slice){(const char *)&after, sizeof(after)})
                          .data;
    stating->transaction = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_rows, stating, &err))
        return;
    stating->transaction = NULL;
    transaction_destroy(&transaction);
    stating_end(stating, &err);
}

/* ---- the page */

static struct cursor *next_of(struct stating *stating)
{
    struct cursor *owner = &stating->cursors[0], *holder = &stating->cursors[1];

    if (owner->at == owner->count)
        return holder->at == holder->count ? NULL : holder;
    if (holder->at == holder->count)
        return owner;
    return strcmp(owner->records[owner->at].id, holder->records[holder->at].id) <= 0 ? owner
                                                                                     : holder;
}

static void note_told(struct stating *stating, const char *id, enum allocation_role role,
                      const struct statement_entry *theirs)
{
    if (stating->told_count == stating->told_room) {
        stating->told_room = stating->told_room * 2 + STATEMENT_ENTRIES_MAX;
        stating->told =
            memory_resize_array(stating->told, stating->told_room, sizeof(*stating->told));
    }
    stating->told[stating->told_count] = (struct told){.role = role, .theirs = theirs};
    memcpy(stating->told[stating->told_count++].id, id, ULID_SIZE);
}

static void note_new(struct stating *stating, const struct statement_entry *theirs)
{
    note_told(stating, theirs->id, ALLOCATION_OWNER, theirs);
    stating->told[stating->told_count - 1].is_new = true;
}

static void count_difference(void *stating_, const struct statement_entry *ours,
                             const struct statement_entry *theirs)
{
    struct stating *stating = stating_;

    stating->comparison->differing += (ours != NULL ? ours : theirs)->side == stating->our_side;
}

/* Where a page ends; "": it is the last. */
static const char *end_of(const struct statement *page)
{
    return page->is_last ? "" : page->entries[page->count - 1].id;
}

static bool is_behind(const char *id, const char *end)
{
    return end[0] != '\0' && strcmp(id, end) > 0;
}

static void shorten(struct statement *page, const char *end)
{
    while (page->count > 0 && is_behind(page->entries[page->count - 1].id, end))
        page->count--;
}

static const struct statement_entry *find_entry(const struct statement *page, const char *id,
                                                unsigned side)
{
    for (size_t i = 0; i < page->count; i++)
        if (page->entries[i].side == side && strcmp(page->entries[i].id, id) == 0)
            return &page->entries[i];
    return NULL;
}

static bool is_told(const struct stating *stating, const struct statement_entry *theirs)
{
    for (size_t i = 0; i < stating->told_count; i++)
        if (stating->told[i].theirs == theirs)
            return true;
    return false;
}

/* What both pages cover is compared; each row of ours there is told what they state of it, and what
 * they hold for us and no row has is learned. */
static void compare(struct stating *stating)
{
    struct allocations_comparison *comparison = stating->comparison;
    const char *end = end_of(&comparison->ours), *other = end_of(&comparison->theirs);
    size_t rows = 0;

    if (end[0] == '\0' || (other[0] != '\0' && strcmp(other, end) < 0))
        end = other;
    (void)snprintf(comparison->next, sizeof(comparison->next), "%s", end);
    shorten(&comparison->ours, comparison->next);
    shorten(&comparison->theirs, comparison->next);
    (void)statement_compare(&comparison->ours, &comparison->theirs, count_difference, stating);
    while (rows < stating->told_count && !is_behind(stating->told[rows].id, comparison->next))
        rows++;
    stating->told_count = rows;
    for (size_t i = 0; i < rows; i++) {
        struct told *told = &stating->told[i];
        unsigned holder =
            told->role == ALLOCATION_HOLDER ? stating->our_side : 1 - stating->our_side;

        told->theirs = find_entry(&comparison->theirs, told->id, holder);
    }
    for (size_t i = 0; i < comparison->theirs.count; i++) {
        const struct statement_entry *theirs = &comparison->theirs.entries[i];

        if (theirs->side != stating->our_side && !is_told(stating, theirs))
            note_new(stating, theirs);
    }
    pump(stating);
}

static void finish_page(struct stating *stating, bool is_last)
{
    stating->page->is_last = is_last;
    if (stating->comparison != NULL)
        compare(stating);
    else
        stating_end(stating, NULL);
}

static void advance(struct stating *stating)
{
    struct cursor *cursor;

    for (;;) {
        for (size_t i = 0; i < 2; i++) {
            cursor = &stating->cursors[i];
            if (cursor->at == cursor->count && cursor->has_more) {
                read_rows(stating, cursor);
                return;
            }
        }
        cursor = next_of(stating);
        if (cursor == NULL) {
            finish_page(stating, true);
            return;
        }
        if (statement_add(stating->page, &cursor->records[cursor->at], stating->our_side) ==
            STATEMENT_FULL) {
            finish_page(stating, false);
            return;
        }
        if (stating->comparison != NULL)
            note_told(stating, cursor->records[cursor->at].id, role_of(stating, cursor), NULL);
        cursor->at++;
    }
}

/* ---- what is learned */

static void on_told(void *stating_, const struct error *err)
{
    struct stating *stating = stating_;

    stating->running--;
    if (err != NULL && stating->err.code == ERROR_NONE)
        stating->err = *err;
    if (!stating->is_beginning)
        pump(stating);
}

static void tell(struct stating *stating, const struct told *told, bool is_ours)
{
    struct allocation_event event = {.kind = ALLOCATION_STATED_ABSENT};
    struct task *task;

    memcpy(event.id, told->id, ULID_SIZE);
    memcpy(event.link, stating->party->link, ULID_SIZE);
    if (told->theirs != NULL) {
        event.kind = ALLOCATION_STATED_HELD;
        event.root = told->theirs->root;
        event.bytes = told->theirs->bytes;
        event.blocks = told->theirs->blocks;
        event.is_final = told->is_new && !is_ours;
        memcpy(event.key, told->theirs->key, ULID_SIZE);
    }
    task = task_create(stating->allocations, stating->party, told->role, &event);
    task->on_done = on_told;
    task->arg = stating;
    stating->running++;
    task_run(task);
}

static void on_learned(void *stating_, bool is_ours, const struct error *err)
{
    struct stating *stating = stating_;
    const struct told *told = &stating->told[stating->begun++];
    bool was_beginning = stating->is_beginning;

    stating->learning = NULL;
    stating->is_learning = false;
    if (err == NULL) {
        stating->is_beginning = true;
        tell(stating, told, is_ours);
        stating->is_beginning = was_beginning;
    } else if (stating->err.code == ERROR_NONE) {
        stating->err = *err;
        stating->begun = stating->told_count; /* the rest waits for the next comparison */
    }
    if (!stating->is_beginning)
        pump(stating);
}

/* What is new is looked for when all before it is in the ledger: two of one object are one. */
static void pump(struct stating *stating)
{
    stating->is_beginning = true;
    while (stating->begun < stating->told_count && stating->running < AT_ONCE &&
           !stating->is_learning) {
        const struct told *told = &stating->told[stating->begun];

        if (!told->is_new) {
            stating->begun++;
            tell(stating, told, true);
            continue;
        }
        if (stating->running > 0)
            break;
        stating->is_learning = true;
        learning_begin(&stating->learning, stating->party, &told->theirs->root, told->theirs->bytes,
                       on_learned, stating);
    }
    stating->is_beginning = false;
    if (stating->running == 0 && !stating->is_learning)
        stating_end(stating, stating->err.code != ERROR_NONE ? &stating->err : NULL);
}

/* ---- */

static void begin(struct allocations *allocations, const char *partner, const char *org,
                  struct statement *page, struct allocations_comparison *comparison,
                  allocations_done on_done, void *arg)
{
    struct party *party = allocations_party(allocations, partner);
    struct stating *stating;
    struct error err = {0};

    if (party == NULL || party->is_loading || allocations->is_closing) {
        error_set(&err, ERROR_IO, "what is held with '%s' is not read yet", partner);
        on_done(arg, &err);
        return;
    }
    stating = memory_alloc(sizeof(*stating));
    stating->allocations = allocations;
    stating->party = party;
    stating->page = page;
    stating->comparison = comparison;
    stating->our_side = statement_side_of(page, org);
    stating->on_done = on_done;
    stating->arg = arg;
    stating->next = allocations->statings;
    stating->link = &allocations->statings;
    if (stating->next != NULL)
        stating->next->link = &stating->next;
    allocations->statings = stating;
    for (size_t i = 0; i < 2; i++) {
        stating->cursors[i].records =
            memory_resize_array(NULL, ROWS, sizeof(struct allocation_record));
        memcpy(stating->cursors[i].after, page->after, ULID_SIZE);
        stating->cursors[i].has_more = true;
    }
    advance(stating);
}

void allocations_state(struct allocations *allocations, const char *partner, const char *org,
                       struct statement *page, allocations_done on_done, void *arg)
{
    begin(allocations, partner, org, page, NULL, on_done, arg);
}

/* ---- cuts */

/* The key of the first item that is under way, or not durably answered; NULL: none is. */
static const char *first_under_way(const struct allocations *allocations, const struct party *party)
{
    const char *first = NULL;

    for (size_t i = 0; i < CHAINS; i++)
        for (const struct entry *entry = allocations->chains[i]; entry != NULL;
             entry = entry->next) {
            const char *keys[] = {entry->record.key, entry->settles};

            for (size_t n = 0; entry->party == party && n < ARRAY_SIZE(keys); n++)
                if (keys[n][0] != '\0' && (first == NULL || strcmp(keys[n], first) < 0))
                    first = keys[n];
        }
    return first;
}

static const struct party *loaded_party(const struct allocations *allocations, const char *partner,
                                        struct error *err)
{
    const struct party *party = allocations_party(allocations, partner);

    if (party != NULL && !party->is_loading)
        return party;
    error_set(err, ERROR_IO, "what is held with '%s' is not read yet", partner);
    return NULL;
}

bool allocations_settled(struct allocations *allocations, const char *partner,
                         char settled[ULID_SIZE], struct error *err)
{
    const struct party *party = loaded_party(allocations, partner, err);
    const char *first;

    if (party == NULL)
        return false;
    first = first_under_way(allocations, party);
    if (first != NULL)
        ulid_before(first, settled);
    else
        allocations_draw(allocations, settled);
    return true;
}

bool allocations_is_settled(struct allocations *allocations, const char *partner,
                            const char *settled, struct error *err)
{
    const struct party *party = loaded_party(allocations, partner, err);
    const char *first = party != NULL ? first_under_way(allocations, party) : NULL;

    if (party == NULL)
        return false;
    if ((first == NULL || strcmp(settled, first) < 0) &&
        ulid_time_ms(settled) <= allocations->settings.now_ms())
        return true;
    return error_set(err, ERROR_REFUSED,
                     "%s is no cut of ours: what we asked of '%s' is not all answered up to it",
                     settled, partner);
}

static bool is_same_page(const struct statement *ours, const struct statement *theirs)
{
    return strcmp(ours->link, theirs->link) == 0 && ours->epoch == theirs->epoch &&
           strcmp(ours->after, theirs->after) == 0 &&
           strcmp(ours->sides[0].org, theirs->sides[0].org) == 0 &&
           strcmp(ours->sides[1].org, theirs->sides[1].org) == 0 &&
           theirs->sides[0].settled[0] == '\0' && theirs->sides[1].settled[0] == '\0' &&
           (theirs->is_last || theirs->count > 0);
}

void allocations_compare(struct allocations *allocations, const char *partner, const char *org,
                         struct allocations_comparison *comparison, allocations_done on_done,
                         void *arg)
{
    struct error err = {0};

    comparison->differing = 0;
    comparison->next[0] = '\0';
    if (is_same_page(&comparison->ours, &comparison->theirs)) {
        begin(allocations, partner, org, &comparison->ours, comparison, on_done, arg);
        return;
    }
    error_set(&err, ERROR_MISMATCH, "their page is not of the same link, epoch and ids");
    on_done(arg, &err);
}

void allocations_stop_stating(struct allocations *allocations)
{
    struct error err = {0};

    error_set(&err, ERROR_CANCELED, "this gateway is stopping");
    for (struct stating *stating = allocations->statings, *next; stating != NULL; stating = next) {
        next = stating->next; /* who is told begins no more of it */
        stating_end(stating, &err);
    }
}

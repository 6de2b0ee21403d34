// SPDX-License-Identifier: Apache-2.0
/* The table of allocations, and the links that they are of. */
#include "federation/allocations_private.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 200, RELOAD_MS = 5000, SWEEP_MS = 10 * 1000, SWEEP_PAGE_MS = 100 };

/* ---- the table */

static struct entry **chain_of(const struct allocations *allocations, const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const char *at = id; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    return (struct entry **)&allocations->chains[(hash >> 20) % CHAINS];
}

struct entry *allocations_entry(const struct allocations *allocations, const struct party *party,
                                enum allocation_role role, const char *id)
{
    struct entry *entry = *chain_of(allocations, id);

    while (entry != NULL && (entry->party != party || entry->record.role != role ||
                             strcmp(entry->record.id, id) != 0))
        entry = entry->next;
    return entry;
}

static void fire(struct timer *timer)
{
    struct allocation_event event = {.kind = ALLOCATION_TICK};

    entry_tell(CONTAINER_OF(timer, struct entry, timer), &event);
}

struct entry *allocations_add(struct allocations *allocations, struct party *party,
                              const struct allocation_record *record)
{
    struct entry **chain = chain_of(allocations, record->id);
    struct entry *entry = memory_alloc(sizeof(*entry));

    entry->record = *record;
    entry->party = party;
    entry->timer.fire = fire;
    entry->next = *chain;
    entry->link = chain;
    if (entry->next != NULL)
        entry->next->link = &entry->next;
    *chain = entry;
    return entry;
}

static void drop(struct entry *entry)
{
    *entry->link = entry->next;
    if (entry->next != NULL)
        entry->next->link = entry->link;
    timer_disarm(&entry->timer);
    queue_leave(entry);
    entry_stop(entry, ~0U);
    text_dispose(&entry->carried);
    free(entry);
}

void allocations_settle_entry(struct entry *entry)
{
    bool rests = allocation_rests(&entry->record) && entry->record.state != ALLOCATION_LEAVING;

    if (entry->writing == 0 && entry->held == 0 && (rests || entry_may_sleep(entry)))
        drop(entry);
}

/* ---- small things */

void allocations_draw(struct allocations *allocations, char ulid[ULID_SIZE])
{
    uint8_t random[ULID_RANDOM_SIZE];

    allocations->settings.random(random, sizeof(random));
    ulid_draw(&allocations->ulids, allocations->settings.now_ms(), random, ulid);
}

void allocations_log(struct allocations *allocations, const char *format, ...)
{
    char line[600];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (allocations->settings.messages != NULL)
        log_message(allocations->settings.messages, LOG_LEVEL_WARNING, "%s", line);
}

struct party *allocations_party(const struct allocations *allocations, const char *partner)
{
    struct party *party = allocations->parties;

    while (party != NULL && strcmp(party->partner, partner) != 0)
        party = party->next;
    return party;
}

struct grant_account *party_account(struct party *party, enum allocation_role role)
{
    return role == ALLOCATION_HOLDER ? &party->here : &party->there;
}

/* ---- what the ledger has of a link */

/* All rows of a link, the owner's first, page by page. */
struct scan {
    struct scan *next, **link;
    struct party *party;
    struct transaction *transaction;
    enum allocation_role role;
    enum allocation_event_kind kind; /* that all are told; ALLOCATION_EVENTS: they are loaded */
};

static void scan_page(struct scan *scan, const struct allocation_entry *after);

static void scan_destroy(struct scan *scan)
{
    *scan->link = scan->next;
    if (scan->next != NULL)
        scan->next->link = scan->link;
    if (scan->transaction != NULL)
        store_cancel(scan->transaction);
    free(scan);
}

static void fail_scan(struct scan *scan, const char *why)
{
    struct party *party = scan->party;

    allocations_log(party->allocations, "the allocations with '%s' cannot be read: %s",
                    party->partner, why);
    timer_arm(party->allocations->settings.loop, &party->reload, RELOAD_MS);
    scan_destroy(scan);
}

static void load_entry(struct party *party, const struct allocation_entry *kept)
{
    struct allocation_actions actions;
    struct allocation_record record;
    struct entry *entry;
    uint64_t bytes;
    bool is_charged;

    if (!allocation_read(&record, kept->record, NULL)) {
        allocations_log(party->allocations,
                        "allocation %s with '%s' is kept in a form that cannot be read: it is left "
                        "alone",
                        kept->id, party->partner);
        return;
    }
    is_charged = allocation_charge(&record, &bytes);
    grant_charge(party_account(party, record.role), (int64_t)bytes, is_charged);
    party_count(party, NULL, &record);
    if ((allocation_rests(&record) && record.state != ALLOCATION_LEAVING) ||
        queue_leaves_in_ledger(party, &record))
        return;
    entry = allocations_add(party->allocations, party, &record);
    text_put_slice(&entry->carried, allocation_carried(kept->record));
    party->busy += entry_is_busy(entry);
    allocation_load(&record, &actions);
    entry_begin(entry, &actions);
}

static void take_entry(const struct scan *scan, const struct allocation_entry *kept)
{
    struct allocation_event event = {.kind = scan->kind};

    if (scan->kind == ALLOCATION_EVENTS) {
        load_entry(scan->party, kept);
        return;
    }
    memcpy(event.id, kept->id, ULID_SIZE);
    task_run(task_create(scan->party->allocations, scan->party, scan->role, &event));
}

static void end_scan(struct scan *scan)
{
    struct party *party = scan->party;
    bool is_load = scan->kind == ALLOCATION_EVENTS;

    scan_destroy(scan);
    if (!is_load)
        return;
    party->is_loading = false;
    allocations_link(party->allocations, party->link, party->partner, party->state);
}

static void on_page(void *scan_, struct transaction *transaction)
{
    const struct allocation_list *list = &transaction->allocation_list;
    struct scan *scan = scan_;

    scan->transaction = NULL;
    if (transaction->err.code != ERROR_NONE) {
        fail_scan(scan, transaction->err.text);
        return;
    }
    for (size_t i = 0; i < list->count; i++)
        take_entry(scan, &list->entries[i]);
    if (list->has_more) {
        scan_page(scan, &list->entries[list->count - 1]);
    } else if (scan->role == ALLOCATION_OWNER) {
        scan->role = ALLOCATION_HOLDER;
        scan_page(scan, NULL);
    } else {
        end_scan(scan);
    }
}

static void scan_page(struct scan *scan, const struct allocation_entry *after)
{
    const struct allocations_settings *settings = &scan->party->allocations->settings;
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct allocation_list *list = &transaction->allocation_list;
    struct error err = {0};

    list->by = ALLOCATION_LIST_ID;
    list->role = (uint8_t)scan->role;
    list->limit = PAGE;
    memcpy(list->link, scan->party->link, sizeof(list->link));
    if (after != NULL)
        list->after = (const struct allocation_entry *)(const void *)transaction_copy(
                          transaction, (struct slice){(const char *)after, sizeof(*after)})
                          .data;
    scan->transaction = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_page, scan, &err))
        return;
    scan->transaction = NULL;
    transaction_destroy(&transaction);
    fail_scan(scan, err.text);
}

static void begin_scan(struct party *party, enum allocation_event_kind kind)
{
    struct allocations *allocations = party->allocations;
    struct scan *scan = memory_alloc(sizeof(*scan));

    scan->party = party;
    scan->role = ALLOCATION_OWNER;
    scan->kind = kind;
    scan->next = allocations->scans;
    scan->link = &allocations->scans;
    if (scan->next != NULL)
        scan->next->link = &scan->next;
    allocations->scans = scan;
    scan_page(scan, NULL);
}

static void drop_all(struct allocations *allocations, const struct party *party)
{
    for (size_t i = 0; i < CHAINS; i++)
        for (struct entry *entry = allocations->chains[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            if (party == NULL || entry->party == party)
                drop(entry);
        }
}

static void load(struct party *party)
{
    drop_all(party->allocations, party);
    party_forget_counts(party);
    queues_reset(party);
    party->is_loading = true;
    party->busy = 0;
    party->here.bytes = party->here.pins = party->there.bytes = party->there.pins = 0;
    begin_scan(party, ALLOCATION_EVENTS);
}

/* What is not known is not touched; what is over is told again. */
static void reload(struct timer *timer)
{
    struct party *party = CONTAINER_OF(timer, struct party, reload);

    if (party->is_loading)
        load(party);
    else
        allocations_link(party->allocations, party->link, party->partner, party->state);
}

/* ---- links */

static void pump(struct timer *timer)
{
    party_pump(CONTAINER_OF(timer, struct party, pump));
}

static struct party *add_party(struct allocations *allocations, const char *link,
                               const char *partner)
{
    struct party *party = memory_alloc(sizeof(*party));

    party->allocations = allocations;
    party->next = allocations->parties;
    allocations->parties = party;
    party->here.theirs = party->there.theirs = GRANT_OPEN;
    party->pump.fire = pump;
    party->reload.fire = reload;
    party->releases = ALLOCATIONS_RELEASES_BURST;
    queues_reset(party);
    party_init_waking(party);
    (void)snprintf(party->link, sizeof(party->link), "%s", link);
    (void)snprintf(party->partner, sizeof(party->partner), "%s", partner);
    return party;
}

static void tell_back(struct party *party)
{
    struct allocations *allocations = party->allocations;

    for (size_t i = 0; i < CHAINS; i++) {
        for (struct entry *entry = allocations->chains[i], *next; entry != NULL; entry = next) {
            struct allocation_event event = {.kind = ALLOCATION_LINK_BACK};

            next = entry->next;
            if (entry->party == party)
                entry_tell(entry, &event);
        }
    }
}

void allocations_link(struct allocations *allocations, const char *link, const char *partner,
                      enum allocations_link_state state)
{
    struct party *party = allocations_party(allocations, partner);
    bool is_new = party == NULL;

    if (is_new)
        party = add_party(allocations, link, partner);
    party->state = state;
    if (is_new || strcmp(party->link, link) != 0) { /* the alias may be another link's now */
        (void)snprintf(party->link, sizeof(party->link), "%s", link);
        load(party);
        return;
    }
    if (party->is_loading)
        return;
    if (state == ALLOCATIONS_LINK_OVER)
        begin_scan(party, ALLOCATION_LINK_OVER); /* also what rests: copies that counted */
    if (state == ALLOCATIONS_LINK_UP) {
        tell_back(party);
        party_wake(party);
    }
    if (party->is_draining && state != ALLOCATIONS_LINK_OVER)
        begin_scan(party, ALLOCATION_DRAIN);
    party_pump(party);
}

void allocations_drain(struct allocations *allocations, const char *partner, bool drains)
{
    struct party *party = allocations_party(allocations, partner);
    bool was_draining = party != NULL && party->is_draining;

    if (party == NULL || (!drains && !was_draining))
        return;
    party->is_draining = drains;
    if (!party->is_loading && party->state != ALLOCATIONS_LINK_OVER) /* else when it is loaded */
        begin_scan(party, drains ? ALLOCATION_DRAIN : ALLOCATION_STAY);
}

const struct grant_account *allocations_account(const struct allocations *allocations,
                                                const char *partner, enum allocation_role role)
{
    struct party *party = allocations_party(allocations, partner);

    return party == NULL ? NULL : party_account(party, role);
}

const struct allocation_record *allocations_find(const struct allocations *allocations,
                                                 const char *partner, enum allocation_role role,
                                                 const char *id)
{
    const struct party *party = allocations_party(allocations, partner);
    const struct entry *entry =
        party == NULL ? NULL : allocations_entry(allocations, party, role, id);

    return entry == NULL ? NULL : &entry->record;
}

bool allocations_are_loaded(const struct allocations *allocations, const char *partner)
{
    const struct party *party = allocations_party(allocations, partner);

    return party != NULL && !party->is_loading;
}

static const struct party *party_of_link(const struct allocations *allocations, const char *link)
{
    const struct party *party = allocations->parties;

    while (party != NULL && strcmp(party->link, link) != 0)
        party = party->next;
    return party;
}

const char *allocations_partner(const struct allocations *allocations, const char *link)
{
    const struct party *party = party_of_link(allocations, link);

    return party == NULL ? NULL : party->partner;
}

/* ---- whose time has come in the ledger: tombstones, and what is stuck */

static void sweep_again(struct allocations *allocations, uint64_t wait_ms)
{
    timer_arm(allocations->settings.loop, &allocations->sweep, wait_ms);
}

static void on_due(void *allocations_, struct transaction *transaction)
{
    struct allocations *allocations = allocations_;
    const struct allocation_list *list = &transaction->allocation_list;

    allocations->sweeping = NULL;
    for (size_t i = 0; transaction->err.code == ERROR_NONE && i < list->count; i++) {
        const struct allocation_entry *kept = &list->entries[i];
        struct allocation_event event = {.kind = ALLOCATION_TICK};
        struct party *party = (struct party *)party_of_link(allocations, kept->link);

        if (party == NULL || party->is_loading)
            continue;
        memcpy(event.id, kept->id, ULID_SIZE);
        task_run(task_create(allocations, party, (enum allocation_role)kept->role, &event));
    }
    if (transaction->err.code != ERROR_NONE || !list->has_more) {
        allocations->swept = (struct allocation_entry){0};
        sweep_again(allocations, SWEEP_MS);
        return;
    }
    allocations->swept = list->entries[list->count - 1];
    sweep_again(allocations, SWEEP_PAGE_MS);
}

static void sweep_page(struct allocations *allocations, const struct allocation_entry *after)
{
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_LIST);

    transaction->allocation_list.by = ALLOCATION_LIST_DUE;
    transaction->allocation_list.until_ms = allocations->settings.now_ms();
    transaction->allocation_list.limit = PAGE;
    if (after->id[0] != '\0')
        transaction->allocation_list.after =
            (const struct allocation_entry *)(const void *)transaction_copy(
                transaction, (struct slice){(const char *)after, sizeof(*after)})
                .data;
    allocations->sweeping = transaction;
    if (store_start(allocations->settings.store, allocations->settings.loop, transaction, on_due,
                    allocations, NULL))
        return;
    allocations->sweeping = NULL;
    transaction_destroy(&transaction);
    sweep_again(allocations, SWEEP_MS);
}

static void sweep(struct timer *timer)
{
    struct allocations *allocations = CONTAINER_OF(timer, struct allocations, sweep);

    sweep_page(allocations, &allocations->swept);
}

/* ---- */

struct allocations *allocations_create(const struct allocations_settings *settings)
{
    struct allocations *allocations = memory_alloc(sizeof(*allocations));

    allocations->settings = *settings;
    if (allocations->settings.window == 0)
        allocations->settings.window = ALLOCATIONS_WINDOW;
    allocations->sweep.fire = sweep;
    timer_arm(settings->loop, &allocations->sweep, SWEEP_MS);
    return allocations;
}

void allocations_destroy(struct allocations **allocations_ptr)
{
    struct allocations *allocations = *allocations_ptr;

    if (allocations == NULL)
        return;
    *allocations_ptr = NULL;
    allocations->is_closing = true;
    for (struct task *task = allocations->tasks, *next; task != NULL; task = next) {
        next = task->next;
        task_destroy(task);
    }
    allocations_stop_stating(allocations);
    for (struct scan *scan = allocations->scans, *next; scan != NULL; scan = next) {
        next = scan->next;
        scan_destroy(scan);
    }
    if (allocations->sweeping != NULL)
        store_cancel(allocations->sweeping);
    drop_all(allocations, NULL);
    timer_disarm(&allocations->sweep);
    for (struct party *party = allocations->parties, *next; party != NULL; party = next) {
        next = party->next;
        timer_disarm(&party->pump);
        timer_disarm(&party->reload);
        queues_reset(party);
        party_stop_waking(party);
        evicted_forget(party);
        free(party);
    }
    free(allocations);
}

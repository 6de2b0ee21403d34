// SPDX-License-Identifier: Apache-2.0
/* The ledger and the audit log after a crash: both open, nothing in the ledger is damaged, its sums
 * are right, nothing that was acknowledged is missing, nothing is there that was never asked for,
 * and the audit log has the line that the ledger knows as its last. */
#include "auth/audit.h"
#include "check.h"
#include "conf/memory.h"
#include "ledger_stages.h"
#include "notes.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = PIECES_MAX };

struct check {
    struct notes notes;
};

/* What is found of one pin. */
struct found {
    bool has_intent, has_pin, is_confirmed, is_renamed;
    bool is_linked, has_ended;
    size_t events;
    uint64_t claimed;
    bool has_reply, has_settled;
    bool has_allocation, is_pinned; /* of the partner's */
};

struct check *check_create(void)
{
    return memory_alloc(sizeof(struct check));
}

void check_destroy(struct check **check)
{
    free(*check);
    *check = NULL;
}

void check_note(struct check *check, struct slice note)
{
    notes_read(&check->notes, note);
}

/* ---- what is there */

static bool number_of(const char *id, unsigned count, unsigned *n, struct error *err)
{
    *n = (unsigned)strtoul(id, NULL, 10);
    return *n < count || error_set(err, ERROR_MISMATCH, "pin %s was never asked for", id);
}

static bool find_pins(struct store *store, struct found *found, unsigned count, struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    bool is_fine;
    unsigned n;

    list->pin_list.limit = PAGE;
    is_fine = store_run(store, list, err);
    for (size_t i = 0; is_fine && i < list->pin_list.count; i++) {
        const struct pin_record *record = &list->pin_list.records[i];

        is_fine = number_of(record->id, count, &n, err);
        if (is_fine) {
            found[n].has_pin = true;
            found[n].is_confirmed = record->held != PIN_NONE;
            found[n].is_renamed = slice_is(record->name, RENAMED);
        }
    }
    transaction_destroy(&list);
    return is_fine;
}

static bool find_intents(struct store *store, struct found *found, unsigned count,
                         struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_JOURNAL_LIST);
    bool is_fine;
    unsigned n;

    list->journal_list.limit = PAGE;
    is_fine = store_run(store, list, err);
    for (size_t i = 0; is_fine && i < list->journal_list.count; i++) {
        is_fine = number_of(list->journal_list.records[i].pin, count, &n, err);
        if (is_fine)
            found[n].has_intent = true;
    }
    transaction_destroy(&list);
    return is_fine;
}

/* ---- of a link */

static bool find_link(struct store *store, struct found *found, const char *partner,
                      struct error *err)
{
    struct transaction *get = transaction_create(TRANSACTION_LINK_GET);
    struct transaction *list = transaction_create(TRANSACTION_LINK_EVENT_LIST);
    bool is_fine = true;

    snprintf(get->link_get.partner, ID_SIZE, "%s", partner);
    snprintf(list->link_event_list.partner, ID_SIZE, "%s", partner);
    list->link_event_list.limit = PAGE;
    found->is_linked = store_run(store, get, NULL);
    found->has_ended = found->is_linked && get->link_get.entry.ended_epoch == 1;
    if (found->has_ended != (strcmp(get->link_get.entry.state, "revoked") == 0))
        is_fine = error_set(err, ERROR_MISMATCH, "%s: the link is half written", partner);
    is_fine = is_fine && store_run(store, list, err);
    found->events = list->link_event_list.count;
    transaction_destroy(&get);
    transaction_destroy(&list);
    return is_fine;
}

static bool find_numbers(struct store *store, struct found *found, const char *link,
                         struct error *err)
{
    struct transaction *sequences = transaction_create(TRANSACTION_SEQUENCE_LIST);
    struct transaction *replies = transaction_create(TRANSACTION_REPLY_LIST);
    bool is_fine;

    snprintf(sequences->sequence_list.link, ULID_SIZE, "%s", link);
    snprintf(replies->reply_list.link, ULID_SIZE, "%s", link);
    replies->reply_list.limit = PAGE;
    is_fine = store_run(store, sequences, err) && store_run(store, replies, err);
    if (is_fine && sequences->sequence_list.count > 0)
        found->claimed = sequences->sequence_list.records[0].claimed;
    found->has_settled = is_fine && sequences->sequence_list.settled_count > 0;
    found->has_reply = is_fine && replies->reply_list.count > 0;
    transaction_destroy(&sequences);
    transaction_destroy(&replies);
    return is_fine;
}

static void find_allocation(struct store *store, struct found *found, const char *id)
{
    struct transaction *get = transaction_create(TRANSACTION_ALLOCATION_GET);

    snprintf(get->allocation_get.link, ULID_SIZE, "%s", id);
    snprintf(get->allocation_get.id, ULID_SIZE, "%s", id);
    get->allocation_get.role = ALLOCATION_ROLE_HOLDER;
    found->has_allocation = store_run(store, get, NULL);
    found->is_pinned =
        found->has_allocation && strcmp(get->allocation_get.entry.state, "pinned") == 0;
    transaction_destroy(&get);
}

static bool find_links(struct store *store, struct found *found, unsigned count, struct error *err)
{
    char partner[ID_SIZE], id[ULID_SIZE];
    bool is_fine = true;

    for (unsigned n = 0; is_fine && n < count; n++) {
        stage_partner(partner, n);
        stage_pin_id(id, n);
        is_fine =
            find_link(store, &found[n], partner, err) && find_numbers(store, &found[n], id, err);
        if (is_fine)
            find_allocation(store, &found[n], id);
    }
    return is_fine;
}

/* ---- what should be there */

static bool link_is_at(const struct found *found, enum stage stage)
{
    uint64_t claimed = stage >= STAGE_TAKEN    ? CLAIMED_NEXT
                       : stage >= STAGE_LINKED ? CLAIMED_FIRST
                                               : 0;

    return found->is_linked == (stage >= STAGE_LINKED) &&
           found->has_ended == (stage >= STAGE_ENDED) && found->claimed == claimed &&
           found->events == (size_t)(stage >= STAGE_LINKED) + (stage >= STAGE_ENDED) &&
           found->has_reply == (stage == STAGE_TAKEN) &&
           found->has_settled == (stage >= STAGE_SETTLED) &&
           found->has_allocation == (stage >= STAGE_TAKEN && stage < STAGE_ENDED) &&
           found->is_pinned == (stage == STAGE_SETTLED);
}

static bool is_at(const struct found *found, enum stage stage)
{
    bool has_pin = stage >= STAGE_CLAIMED && stage < STAGE_REMOVED;

    return link_is_at(found, stage) &&
           found->has_intent == (stage >= STAGE_INTENT && stage < STAGE_CLOSED) &&
           found->has_pin == has_pin &&
           found->is_confirmed == (has_pin && stage >= STAGE_CONFIRMED) &&
           found->is_renamed == (has_pin && stage >= STAGE_RENAMED);
}

static bool check_pin(const struct said *said, const struct found *found, unsigned n,
                      struct error *err)
{
    for (unsigned stage = said->acknowledged; stage <= said->started; stage++)
        if (is_at(found, stage))
            return true;
    return error_set(
        err, ERROR_MISMATCH,
        "pin %u: stage %u was acknowledged and %u asked for; found: intent %d, pin %d, "
        "confirmed %d, renamed %d; link %d, ended %d, events %zu, claimed %llu, reply %d, settled "
        "%d, "
        "allocation %d, pinned %d",
        n, said->acknowledged, said->started, found->has_intent, found->has_pin,
        found->is_confirmed, found->is_renamed, found->is_linked, found->has_ended, found->events,
        (unsigned long long)found->claimed, found->has_reply, found->has_settled,
        found->has_allocation, found->is_pinned);
}

static bool check_pins(const struct check *check, struct store *store, struct error *err)
{
    struct found *found = memory_alloc((check->notes.count + 1) * sizeof(*found));
    bool is_fine = find_pins(store, found, check->notes.count, err) &&
                   find_intents(store, found, check->notes.count, err) &&
                   find_links(store, found, check->notes.count, err);

    for (unsigned n = 0; is_fine && n < check->notes.count; n++)
        is_fine = check_pin(&check->notes.said[n], &found[n], n, err);
    free(found);
    return is_fine;
}

static bool check_sums(struct store *store, struct error *err)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    bool is_fine = store_run(store, recount, err) &&
                   (recount->usage_recount.different == 0 ||
                    error_set(err, ERROR_MISMATCH, "the usage of %llu accounts is wrong",
                              (unsigned long long)recount->usage_recount.different));

    transaction_destroy(&recount);
    return is_fine;
}

static bool check_audit(struct store *store, const char *folder, struct error *err)
{
    struct transaction *get = transaction_create(TRANSACTION_AUDIT_HEAD_GET);
    struct audit_report report = {0};
    struct audit_chain chain = {0};
    struct error broken = {0};
    struct text path = {0};
    uint64_t last, head;
    bool is_fine = store_run(store, get, err);

    head = get->audit_head_get.head.sequence;
    text_put_format(&path, "%s/audit.log", folder);
    if (is_fine && head > 0) {
        /* what follows the head may be torn: it was not acknowledged */
        bool is_whole = audit_verify(path.data, &chain, NULL, NULL, &report, &broken);

        last = report.lines == 0 ? 0 : report.first_sequence + report.lines - 1;
        is_fine = last >= head ||
                  error_set(err, ERROR_MISMATCH,
                            "the ledger knows audit record %llu, and the log has %llu: %s",
                            (unsigned long long)head, (unsigned long long)last,
                            is_whole ? "it is whole" : broken.text);
    }
    text_dispose(&path);
    transaction_destroy(&get);
    return is_fine;
}

static bool check_integrity(const char *folder, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    struct text path = {0};
    sqlite3 *db = NULL;
    bool is_fine;

    text_put_format(&path, "%s/ledger.db", folder);
    is_fine = sqlite3_open_v2(path.data, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW &&
              strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    if (!is_fine)
        error_set(err, ERROR_MISMATCH, "integrity_check: %s",
                  statement != NULL ? (const char *)sqlite3_column_text(statement, 0)
                                    : sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    text_dispose(&path);
    return is_fine;
}

bool check_folder(const struct check *check, const char *folder, struct error *err)
{
    struct store_settings settings = {.folder = folder};
    struct store *store;
    bool is_fine;

    if (!store_open(&store, &settings, err))
        return false;
    is_fine =
        check_pins(check, store, err) && check_sums(store, err) && check_audit(store, folder, err);
    store_close(&store);
    return is_fine && check_integrity(folder, err);
}

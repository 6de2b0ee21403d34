// SPDX-License-Identifier: Apache-2.0
/* What was begun and did not end, when the process died or the ledger or upstream failed: the
 * journal has an open entry for it. Each such object is looked at, and what is undone is done.
 *
 * Nothing else is touched: pins that are not ours, and objects that nothing was begun for, stay as
 * they are. */
#include "upstream/tracker_private.h"

enum {
    PAGE = 100,          /* entries at once: each is an operation upstream */
    PAGE_WAIT_MS = 20,   /* until objects of a page are done with */
    AGAIN_MS = 10 * 1000 /* between passes, while something is left */
};

static void read_page(struct tracker *tracker);

static void arm(struct tracker *tracker, uint64_t delay_ms)
{
    timer_arm(tracker->settings.loop, &tracker->recovery, delay_ms);
}

static void close_entry(struct tracker *tracker, uint64_t number)
{
    struct transaction *transaction = transaction_create(TRANSACTION_JOURNAL_CLOSE);
    struct error err = {0};

    transaction->journal_close.number = number;
    if (!store_start(tracker->settings.store, NULL, transaction, NULL, NULL, &err))
        transaction_destroy(&transaction); /* the next pass finds it again */
}

/* One open entry of an object is enough: it is closed when the object is at rest. */
static void recover_known(struct tracker *tracker, const struct journal_record *record,
                          struct tracked *object)
{
    struct ownership_event repair = {.kind = OWNERSHIP_REPAIR};

    if (object->journal == record->number)
        return; /* it is being seen to */
    if (object->journal == 0) {
        recovery_again(tracker);
        return;
    }
    close_entry(tracker, record->number);
    if (object->is_recovering)
        return;
    object->is_recovering = true;
    tracked_queue(object, &repair, NULL);
    tracked_run(object);
}

static void recover_object(struct tracker *tracker, const struct journal_record *record,
                           const struct cid *key)
{
    struct tracked *object = tracked_find(tracker, key);

    if (object != NULL) {
        recover_known(tracker, record, object);
        return;
    }
    object = tracked_need(tracker, key);
    object->is_recovering = true;
    object->journal = record->number;
    tracked_run(object);
}

/* What is not an object's is an upload that was cut: its blocks are garbage, and nobody was told
 * that they were kept. */
static void recover(struct tracker *tracker, const struct journal_record *record)
{
    struct error err = {0};
    struct cid key;

    if (!slice_is(record->kind, "object")) {
        if (record->opened_ms < tracker->started_ms) /* else it runs */
            close_entry(tracker, record->number);
        return;
    }
    if (cid_from_bytes(&key, record->key.data, record->key.size, &err)) {
        recover_object(tracker, record, &key);
        return;
    }
    log_message(tracker->settings.messages, LOG_LEVEL_ERROR,
                "entry %llu of the ledger's journal has a damaged key: %s",
                (unsigned long long)record->number, err.text);
}

static void on_page(void *tracker_, struct transaction *transaction)
{
    struct tracker *tracker = tracker_;
    const struct journal_list *page = &transaction->journal_list;

    tracker->journal_page = NULL;
    if (transaction->err.code != ERROR_NONE) {
        log_message(tracker->settings.messages, LOG_LEVEL_ERROR,
                    "the ledger's journal cannot be read: %s", transaction->err.text);
        arm(tracker, AGAIN_MS);
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        tracker->journal_after = page->records[i].number;
        recover(tracker, &page->records[i]);
    }
    tracker->has_journal_end = !page->has_more;
    arm(tracker, PAGE_WAIT_MS);
}

static void read_page(struct tracker *tracker)
{
    struct transaction *transaction = transaction_create(TRANSACTION_JOURNAL_LIST);
    struct error err = {0};

    transaction->journal_list.after = tracker->journal_after;
    transaction->journal_list.limit = PAGE;
    if (store_start(tracker->settings.store, tracker->settings.loop, transaction, on_page, tracker,
                    &err)) {
        tracker->journal_page = transaction;
        return;
    }
    transaction_destroy(&transaction);
    arm(tracker, AGAIN_MS);
}

static void finish(struct tracker *tracker)
{
    tracker->has_journal_end = false;
    tracker->journal_after = 0;
    if (tracker->must_recover)
        arm(tracker, AGAIN_MS);
    tracker->must_recover = false;
    if (tracker->is_ready)
        return;
    tracker->is_ready = true;
    calls_begin_held(tracker);
}

static void on_timer(struct timer *timer)
{
    struct tracker *tracker = CONTAINER_OF(timer, struct tracker, recovery);

    if (tracker->journal_page != NULL)
        return;
    if (tracker->object_count >= PAGE)
        arm(tracker, PAGE_WAIT_MS);
    else if (tracker->has_journal_end)
        finish(tracker);
    else
        read_page(tracker);
}

void recovery_start(struct tracker *tracker)
{
    tracker->recovery.fire = on_timer;
    read_page(tracker);
}

void recovery_again(struct tracker *tracker)
{
    tracker->must_recover = true;
    if (tracker->is_ready && !timer_is_armed(&tracker->recovery) && tracker->journal_page == NULL)
        arm(tracker, AGAIN_MS);
}

void recovery_stop(struct tracker *tracker)
{
    timer_disarm(&tracker->recovery);
    if (tracker->journal_page != NULL)
        store_cancel(tracker->journal_page);
    tracker->journal_page = NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "proxy/partner_reads.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_PAGE = 128 };

struct partner_reads {
    struct partner_reads_settings settings;
    struct retrievals *retrievals;
};

/* One of the three things that are done for a retrieval. */
struct work {
    struct partner_reads *reads;
    struct transaction *finding;
    struct retrieval_holder holders[RETRIEVAL_HOLDERS_MAX];
    size_t count;
    struct tracker_call *pinning;
    void *fetching;
    retrieval_found on_found;
    retrieval_moved on_moved;
    retrieval_ended on_ended;
    void *arg;
};

static struct work *work_create(struct partner_reads *reads, void *arg)
{
    struct work *work = memory_alloc(sizeof(*work));

    *work = (struct work){.reads = reads, .arg = arg};
    return work;
}

/* ---- who holds it */

/* One that is to go is still there until it is released. */
static bool read_holder(const struct allocation_entry *entry, const char *partner,
                        struct retrieval_holder *holder)
{
    struct allocation_record record;
    struct error err = {0};

    if (entry->role != ALLOCATION_ROLE_OWNER || partner == NULL ||
        !allocation_read(&record, entry->record, &err) || record.state != ALLOCATION_PLACED)
        return false;
    *holder = (struct retrieval_holder){.bytes = record.bytes, .blocks = record.blocks};
    snprintf(holder->partner, sizeof(holder->partner), "%s", partner);
    memcpy(holder->allocation, record.id, ULID_SIZE);
    return true;
}

static void end_find(struct work *work, const struct error *err)
{
    work->on_found(work->arg, work->holders, work->count, err);
    free(work);
}

static bool list_copies(struct work *work, struct slice object,
                        const struct allocation_entry *after, struct error *err);

static void on_found(void *work_, struct transaction *transaction)
{
    struct work *work = work_;
    const struct allocation_list *list = &transaction->allocation_list;
    struct error err = transaction->err;

    for (size_t i = 0; err.code == ERROR_NONE && i < list->count; i++) {
        const struct allocation_entry *entry = &list->entries[i];
        const char *partner = allocations_partner(work->reads->settings.allocations, entry->link);

        if (work->count < RETRIEVAL_HOLDERS_MAX &&
            read_holder(entry, partner, &work->holders[work->count]))
            work->count++;
    }
    if (err.code == ERROR_NONE && list->has_more && work->count < RETRIEVAL_HOLDERS_MAX &&
        list_copies(work, list->object, &list->entries[list->count - 1], &err))
        return;
    end_find(work, err.code != ERROR_NONE ? &err : NULL);
}

/* A page of those that are not over, until enough holders are known. */
static bool list_copies(struct work *work, struct slice object,
                        const struct allocation_entry *after, struct error *err)
{
    const struct partner_reads_settings *settings = &work->reads->settings;
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    struct allocation_entry *from;

    list->allocation_list.by = ALLOCATION_LIST_COPIES;
    list->allocation_list.limit = ROWS_PAGE;
    list->allocation_list.object = transaction_copy(list, object);
    if (after != NULL) {
        from = arena_alloc(&list->arena, sizeof(*from));
        *from = (struct allocation_entry){.role = after->role};
        memcpy(from->link, after->link, sizeof(from->link));
        memcpy(from->id, after->id, sizeof(from->id));
        list->allocation_list.after = from;
    }
    work->finding = list;
    if (store_start(settings->store, settings->loop, list, on_found, work, err))
        return true;
    transaction_destroy(&work->finding);
    return false;
}

static bool find(void *reads_, void **operation, const struct cid *object,
                 retrieval_found on_found_, void *found_arg, struct error *err)
{
    struct partner_reads *reads = reads_;
    struct cid key = cid_to_v1(object);
    struct work *work = work_create(reads, found_arg);

    work->on_found = on_found_;
    *operation = work;
    if (list_copies(work, (struct slice){(const char *)key.bytes, key.size}, NULL, err))
        return true;
    free(work);
    *operation = NULL;
    return false;
}

/* ---- its bytes */

static void on_moved(void *work_)
{
    struct work *work = work_;

    work->on_moved(work->arg);
}

static void on_fetched(void *work_, const struct error *err)
{
    struct work *work = work_;

    work->on_ended(work->arg, err);
    free(work);
}

static bool fetch(void *reads_, void **operation, const struct retrieval_holder *holder,
                  const struct cid *object, retrieval_moved moved, retrieval_ended fetched,
                  void *fetched_arg, struct error *err)
{
    struct partner_reads *reads = reads_;
    struct work *work = work_create(reads, fetched_arg);

    work->on_moved = moved;
    work->on_ended = fetched;
    *operation = work;
    if (partner_data_fetch(reads->settings.data, &work->fetching, holder, object, on_moved,
                           on_fetched, work, err))
        return true;
    free(work);
    *operation = NULL;
    return false;
}

/* ---- pinned again */

static void on_pinned(void *work_, const struct tracker_answer *answer)
{
    struct work *work = work_;
    struct error err = {0};
    bool is_fine = answer->outcome == TRACKER_DONE || answer->outcome == TRACKER_NOT_PINNED;

    if (!is_fine)
        error_set(&err, ERROR_REFUSED, "%.*s", SLICE_ARGS(answer->text));
    work->on_ended(work->arg, is_fine ? NULL : &err);
    free(work);
}

static bool pin(void *reads_, void **operation, const struct cid *object, retrieval_ended pinned,
                void *pinned_arg, struct error *err)
{
    struct partner_reads *reads = reads_;
    struct tracker_request request = {.action = TRACKER_REPAIR, .cid = *object};
    struct work *work = work_create(reads, pinned_arg);

    work->on_ended = pinned;
    *operation = work;
    if (tracker_start(reads->settings.tracker, reads->settings.loop, &work->pinning, &request, NULL,
                      on_pinned, work, err))
        return true;
    free(work);
    *operation = NULL;
    return false;
}

static void cancel(void *reads_, void **operation)
{
    struct partner_reads *reads = reads_;
    struct work *work = *operation;

    *operation = NULL;
    if (work == NULL)
        return;
    if (work->finding != NULL)
        store_cancel(work->finding);
    if (work->fetching != NULL)
        partner_data_cancel(reads->settings.data, &work->fetching);
    tracker_cancel(&work->pinning);
    free(work);
}

/* ---- its life */

struct partner_reads *partner_reads_create(const struct partner_reads_settings *settings)
{
    struct partner_reads *reads = memory_alloc(sizeof(*reads));
    const struct retrievals_settings retrievals = {
        .loop = settings->loop,
        .messages = settings->messages,
        .source = {.find = find, .fetch = fetch, .pin = pin, .cancel = cancel, .arg = reads}};

    reads->settings = *settings;
    reads->retrievals = retrievals_create(&retrievals);
    return reads;
}

void partner_reads_destroy(struct partner_reads **reads)
{
    if (*reads == NULL)
        return;
    retrievals_destroy(&(*reads)->retrievals);
    free(*reads);
    *reads = NULL;
}

struct retrievals *partner_reads_retrievals(struct partner_reads *reads)
{
    return reads->retrievals;
}

// SPDX-License-Identifier: Apache-2.0
/* Whether a copy that a partner states, and that no row of ours has, is one that somebody here may
 * have placed: an object that our own people have pinned, of that size, which has no copy there
 * yet. Anything else is noted and neither counted nor ever released: a ledger that was restored may
 * have forgotten the pin, and a partner may state what it likes. */
#include "federation/allocations_private.h"

#include "conf/memory.h"

#include <stdlib.h>

enum { COPIES = 64 };

struct learning {
    struct party *party;
    struct cid root;
    uint64_t bytes;
    struct transaction *transaction;
    allocations_learned on_done;
    void *arg;
};

static void learning_end(struct learning *learning, bool is_ours, const struct error *err)
{
    allocations_learned on_done = learning->on_done;
    void *arg = learning->arg;

    free(learning);
    on_done(arg, is_ours, err);
}

static void start(struct learning *learning, struct transaction *transaction, store_done_cb on_done)
{
    const struct allocations_settings *settings = &learning->party->allocations->settings;
    struct error err = {0};

    learning->transaction = transaction;
    if (store_start(settings->store, settings->loop, transaction, on_done, learning, &err))
        return;
    transaction_destroy(&transaction);
    learning_end(learning, false, &err);
}

static struct slice key_of(const struct learning *learning)
{
    return (struct slice){(const char *)learning->root.bytes, learning->root.size};
}

static bool is_at(const struct learning *learning, const struct allocation_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].link, learning->party->link) == 0)
            return true;
    return list->has_more;
}

static void on_copies(void *learning_, struct transaction *transaction)
{
    struct learning *learning = learning_;
    bool is_good = transaction->err.code == ERROR_NONE;

    learning_end(learning, is_good && !is_at(learning, &transaction->allocation_list),
                 is_good ? NULL : &transaction->err);
}

static bool is_pinned_here(const struct learning *learning, const struct object_get *found)
{
    const struct object_record *record = &found->record;

    if (!record->has_bytes[PIN_RECURSIVE] || record->bytes[PIN_RECURSIVE] != learning->bytes)
        return false;
    for (size_t i = 0; i < found->count; i++)
        if (found->pins[i].owner.kind != OWNER_PARTNER && found->pins[i].state != PIN_REMOVING)
            return true;
    return false;
}

static void on_object(void *learning_, struct transaction *transaction)
{
    struct learning *learning = learning_;
    struct transaction *list;

    if (transaction->err.code != ERROR_NONE && transaction->err.code != ERROR_NOT_FOUND) {
        learning_end(learning, false, &transaction->err);
        return;
    }
    if (transaction->err.code != ERROR_NONE ||
        !is_pinned_here(learning, &transaction->object_get)) {
        learning_end(learning, false, NULL);
        return;
    }
    list = transaction_create(TRANSACTION_ALLOCATION_LIST);
    list->allocation_list.by = ALLOCATION_LIST_COPIES;
    list->allocation_list.object = transaction_copy(list, key_of(learning));
    list->allocation_list.limit = COPIES;
    start(learning, list, on_copies);
}

/* What is noted is a row each, of theirs to multiply. */
static bool has_room(const struct party *party)
{
    return party->states[ALLOCATION_LOST] < ALLOCATIONS_LEARNED_MAX;
}

void learning_begin(struct learning **slot, struct party *party, const struct cid *root,
                    uint64_t bytes, allocations_learned on_done, void *arg)
{
    struct learning *learning;
    struct transaction *get;
    struct error err = {0};

    *slot = NULL;
    if (!has_room(party)) {
        error_set(&err, ERROR_LIMIT,
                  "'%s' states copies of more than %d objects that are lost or not known here",
                  party->partner, ALLOCATIONS_LEARNED_MAX);
        on_done(arg, false, &err);
        return;
    }
    learning = memory_alloc(sizeof(*learning));
    learning->party = party;
    learning->root = *root;
    learning->bytes = bytes;
    learning->on_done = on_done;
    learning->arg = arg;
    *slot = learning;
    get = transaction_create(TRANSACTION_OBJECT_GET);
    get->object_get.key = transaction_copy(get, key_of(learning));
    start(learning, get, on_object);
}

void learning_cancel(struct learning **slot)
{
    struct learning *learning = *slot;

    *slot = NULL;
    if (learning == NULL)
        return;
    store_cancel(learning->transaction);
    free(learning);
}

// SPDX-License-Identifier: Apache-2.0
#include "proxy/denylist.h"

#include "auth/epochs.h"
#include "auth/table.h"
#include "conf/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 64, PAGE = 1000 };

/* Immutable. Those of one key hang on one another: keys are made of a few bytes, and two may be the
 * same by chance or by somebody's doing. */
struct entry {
    struct entry *next;
    size_t hash_size, reason_size;
    char bytes[]; /* multihash, reason */
};

struct denylist {
    struct epochs epochs;
    _Atomic(struct table *) table; /* key of a multihash -> struct entry */
    atomic_size_t count;
    struct store *store;
    struct store_watch watch;
    pthread_mutex_t mutex; /* among writers */
};

struct denylist_reader {
    struct denylist *denylist;
    struct epoch_reader *epoch;
};

/* The end of a digest is as random as the digest; of an identity hash it is what it is. */
static uint64_t key_of(struct slice multihash)
{
    uint64_t key = multihash.size;

    for (size_t i = multihash.size > 8 ? multihash.size - 8 : 0; i < multihash.size; i++)
        key = key << 8 | (unsigned char)multihash.data[i];
    return key >> 1;
}

static struct entry *entry_of(uint64_t value)
{
    return (struct entry *)(uintptr_t)value; // NOLINT(performance-no-int-to-ptr)
}

static struct entry *chain_of(const struct denylist *denylist, uint64_t key)
{
    uint64_t value;

    return table_get(atomic_load(&denylist->table), key, &value) ? entry_of(value) : NULL;
}

static bool is_about(const struct entry *entry, struct slice multihash)
{
    return slice_equal((struct slice){entry->bytes, entry->hash_size}, multihash);
}

static struct entry *make_entry(struct slice multihash, struct slice reason, struct entry *next)
{
    struct entry *entry = memory_alloc(sizeof(*entry) + multihash.size + reason.size);

    entry->next = next;
    entry->hash_size = multihash.size;
    entry->reason_size = reason.size;
    memcpy(entry->bytes, multihash.data, multihash.size);
    if (reason.size > 0)
        memcpy(entry->bytes + multihash.size, reason.data, reason.size);
    return entry;
}

/* ---- with the mutex held */

/* A copy of the chain without what is about the multihash; is_there: whether it was in it. */
static struct entry *copy_without(const struct entry *chain, struct slice multihash, bool *is_there)
{
    struct entry *copy = NULL;

    *is_there = false;
    for (; chain != NULL; chain = chain->next)
        if (is_about(chain, multihash))
            *is_there = true;
        else
            copy = make_entry((struct slice){chain->bytes, chain->hash_size},
                              (struct slice){chain->bytes + chain->hash_size, chain->reason_size},
                              copy);
    return copy;
}

static void retire_chain(struct denylist *denylist, struct entry *chain)
{
    while (chain != NULL) {
        struct entry *next = chain->next;

        epochs_retire(&denylist->epochs, chain);
        chain = next;
    }
}

static void set_chain(struct denylist *denylist, uint64_t key, struct entry *chain)
{
    struct table *table = atomic_load(&denylist->table);

    if (chain == NULL) {
        table_remove(table, key);
        return;
    }
    if (!table_has_room(table)) {
        struct table *renewed = table_renew(table);

        table_set(renewed, key, (uint64_t)(uintptr_t)chain);
        atomic_store(&denylist->table, renewed);
        epochs_retire(&denylist->epochs, table);
    } else {
        table_set(table, key, (uint64_t)(uintptr_t)chain);
    }
}

static void put_locked(struct denylist *denylist, const struct denied_record *record, bool only_new)
{
    uint64_t key = key_of(record->multihash);
    struct entry *before = chain_of(denylist, key), *chain;
    bool is_there;

    chain = copy_without(before, record->multihash, &is_there);
    if (is_there && only_new) {
        while (chain != NULL) { /* nobody saw it */
            struct entry *next = chain->next;

            free(chain);
            chain = next;
        }
        return;
    }
    set_chain(denylist, key, make_entry(record->multihash, record->reason, chain));
    retire_chain(denylist, before);
    if (!is_there)
        atomic_fetch_add(&denylist->count, 1);
}

void denylist_put(struct denylist *denylist, const struct denied_record *record)
{
    pthread_mutex_lock(&denylist->mutex);
    put_locked(denylist, record, false);
    pthread_mutex_unlock(&denylist->mutex);
}

void denylist_remove(struct denylist *denylist, struct slice multihash)
{
    uint64_t key = key_of(multihash);
    struct entry *before, *chain;
    bool is_there;

    pthread_mutex_lock(&denylist->mutex);
    before = chain_of(denylist, key);
    chain = copy_without(before, multihash, &is_there);
    if (before != NULL)
        set_chain(denylist, key, chain);
    retire_chain(denylist, before);
    if (is_there)
        atomic_fetch_sub(&denylist->count, 1);
    pthread_mutex_unlock(&denylist->mutex);
}

/* ---- following the ledger: watched from before the first page is read; what the watch put or
 * took away is newer than a page. What is taken away while it is read in may come back for as long
 * as the process runs: nobody serves operators yet. */

static void on_change(struct store_watch *watch, const struct transaction *transaction)
{
    struct denylist *denylist = CONTAINER_OF(watch, struct denylist, watch);

    if (transaction->name == TRANSACTION_DENY_ADD)
        denylist_put(denylist, &transaction->deny_add.record);
    else if (transaction->name == TRANSACTION_DENY_REMOVE)
        denylist_remove(denylist, transaction->deny_remove.multihash);
}

static bool load_page(struct denylist *denylist, struct text *after, bool *has_more,
                      struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_DENY_LIST);
    struct deny_list *page = &list->deny_list;
    bool is_read;

    page->after = text_slice(after);
    page->limit = PAGE;
    is_read = store_run(denylist->store, list, err);
    pthread_mutex_lock(&denylist->mutex);
    for (size_t i = 0; is_read && i < page->count; i++)
        put_locked(denylist, &page->records[i], true);
    pthread_mutex_unlock(&denylist->mutex);
    if (is_read && page->count > 0) {
        text_clear(after);
        text_put_slice(after, page->records[page->count - 1].multihash);
    }
    *has_more = page->has_more;
    transaction_destroy(&list);
    return is_read;
}

bool denylist_attach(struct denylist *denylist, struct store *store, struct error *err)
{
    struct text after = {0};
    bool has_more = true, is_read = true;

    assert(denylist->store == NULL);
    denylist->store = store;
    denylist->watch.on_change = on_change;
    store_watch(store, &denylist->watch);
    while (is_read && has_more)
        is_read = load_page(denylist, &after, &has_more, err);
    text_dispose(&after);
    if (!is_read)
        denylist_detach(denylist);
    return is_read;
}

void denylist_detach(struct denylist *denylist)
{
    if (denylist->store != NULL)
        store_unwatch(denylist->store, &denylist->watch);
    denylist->store = NULL;
}

/* ---- readers */

bool denylist_is_empty(const struct denylist *denylist)
{
    return atomic_load_explicit(&denylist->count, memory_order_acquire) == 0;
}

bool denylist_find(struct denylist_reader *reader, const struct cid *cid, struct text *reason)
{
    const struct denylist *denylist = reader->denylist;
    struct slice multihash = cid_multihash(cid);
    const struct entry *entry;

    if (denylist_is_empty(denylist))
        return false;
    epoch_enter(&denylist->epochs, reader->epoch);
    entry = chain_of(denylist, key_of(multihash));
    while (entry != NULL && !is_about(entry, multihash))
        entry = entry->next;
    if (entry != NULL)
        text_put(reason, entry->bytes + entry->hash_size, entry->reason_size);
    epoch_leave(reader->epoch);
    return entry != NULL;
}

struct denylist_reader *denylist_reader_create(struct denylist *denylist)
{
    struct denylist_reader *reader = memory_alloc(sizeof(*reader));

    reader->denylist = denylist;
    pthread_mutex_lock(&denylist->mutex);
    reader->epoch = epochs_take_reader(&denylist->epochs);
    pthread_mutex_unlock(&denylist->mutex);
    assert(reader->epoch != NULL);
    return reader;
}

void denylist_reader_destroy(struct denylist_reader **reader_ptr)
{
    struct denylist_reader *reader = *reader_ptr;

    if (reader == NULL)
        return;
    *reader_ptr = NULL;
    pthread_mutex_lock(&reader->denylist->mutex);
    epochs_give_reader(reader->epoch);
    pthread_mutex_unlock(&reader->denylist->mutex);
    free(reader);
}

/* ---- the whole */

struct denylist *denylist_create(void)
{
    struct denylist *denylist = memory_alloc(sizeof(*denylist));

    epochs_init(&denylist->epochs);
    atomic_init(&denylist->table, table_create(FIRST_SLOTS));
    pthread_mutex_init(&denylist->mutex, NULL);
    return denylist;
}

void denylist_destroy(struct denylist **denylist_ptr)
{
    struct denylist *denylist = *denylist_ptr;
    struct table *table;

    if (denylist == NULL)
        return;
    *denylist_ptr = NULL;
    assert(denylist->store == NULL);
    table = atomic_load(&denylist->table);
    for (size_t i = 0; i <= table->mask; i++) {
        struct entry *entry = entry_of(atomic_load(&table->slots[i].value));

        while (entry != NULL) {
            struct entry *next = entry->next;

            free(entry);
            entry = next;
        }
    }
    free(table);
    epochs_dispose(&denylist->epochs);
    pthread_mutex_destroy(&denylist->mutex);
    free(denylist);
}

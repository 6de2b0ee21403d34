// SPDX-License-Identifier: Apache-2.0
/* A table of keyed 64-bit hashes, open and linear. Readers see each slot as it is now: one that is
 * moved to an earlier place is there before it is taken from where it was. Tables that were
 * outgrown stay: each is half of the next. */
#include "proxy/guests.h"

#include "conf/memory.h"
#include "store/ownership.h"
#include "store/transaction.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FIRST_SIZE = 256 };

struct table {
    struct table *outgrown;
    size_t mask;
    _Atomic uint64_t slots[]; /* 0: empty */
};

struct guests {
    struct cid_set_key key;
    _Atomic(struct table *) table;
    pthread_mutex_t changing;
    atomic_size_t count;
    struct store_watch watch;
};

static struct table *table_create(size_t size, struct table *outgrown)
{
    struct table *table = memory_alloc(sizeof(*table) + size * sizeof(table->slots[0]));

    table->outgrown = outgrown;
    table->mask = size - 1;
    return table;
}

/* The slot that holds print, or the empty one where it would go. */
static size_t find(const struct table *table, uint64_t print)
{
    size_t slot = print & table->mask;
    uint64_t seen;

    while ((seen = atomic_load(&table->slots[slot])) != 0 && seen != print)
        slot = (slot + 1) & table->mask;
    return slot;
}

static uint64_t print_of(const struct guests *guests, const struct cid *object)
{
    struct cid key = ownership_key(object);

    return cid_set_print(&guests->key, &key);
}

bool guests_have(const struct guests *guests, const struct cid *object)
{
    const struct table *table = atomic_load(&guests->table);
    uint64_t print;

    if (atomic_load(&guests->count) == 0)
        return false;
    print = print_of(guests, object);
    return atomic_load(&table->slots[find(table, print)]) == print;
}

/* ---- changes; with the lock */

static struct table *grown(struct guests *guests, struct table *old)
{
    struct table *table;

    if ((atomic_load(&guests->count) + 1) * 2 <= old->mask)
        return old;
    table = table_create((old->mask + 1) * 2, old);
    for (size_t i = 0; i <= old->mask; i++) {
        uint64_t print = atomic_load(&old->slots[i]);

        if (print != 0)
            atomic_store(&table->slots[find(table, print)], print);
    }
    atomic_store(&guests->table, table);
    return table;
}

static void add(struct guests *guests, uint64_t print)
{
    struct table *table = grown(guests, atomic_load(&guests->table));
    _Atomic uint64_t *slot = &table->slots[find(table, print)];

    if (atomic_load(slot) == print)
        return;
    atomic_store(slot, print);
    atomic_fetch_add(&guests->count, 1);
}

/* Those behind it that would not be found past an empty slot move up. */
static void take(struct guests *guests, uint64_t print)
{
    struct table *table = atomic_load(&guests->table);
    size_t hole = find(table, print), slot = hole;
    uint64_t next;

    if (atomic_load(&table->slots[hole]) != print)
        return;
    atomic_fetch_sub(&guests->count, 1);
    for (;;) {
        slot = (slot + 1) & table->mask;
        next = atomic_load(&table->slots[slot]);
        if (next == 0)
            break;
        if (((slot - next) & table->mask) < ((slot - hole) & table->mask))
            continue; /* its way begins behind the hole */
        atomic_store(&table->slots[hole], next);
        hole = slot;
    }
    atomic_store(&table->slots[hole], 0);
}

void guests_note(struct guests *guests, const struct cid *object, bool is_guest)
{
    uint64_t print = print_of(guests, object);

    pthread_mutex_lock(&guests->changing);
    if (is_guest)
        add(guests, print);
    else
        take(guests, print);
    pthread_mutex_unlock(&guests->changing);
}

static void on_change(struct store_watch *watch, const struct transaction *transaction)
{
    const struct pin_record *pin = &transaction->pin_confirm.record;
    struct error err = {0};
    struct cid object;

    if (transaction->name == TRANSACTION_PIN_CONFIRM && transaction->err.code == ERROR_NONE &&
        pin->owner.kind != OWNER_PARTNER &&
        cid_from_bytes(&object, pin->key.data, pin->key.size, &err))
        guests_note(CONTAINER_OF(watch, struct guests, watch), &object, false);
}

/* ---- its life */

struct guests *guests_create(const struct cid_set_key *key)
{
    struct guests *guests = memory_alloc(sizeof(*guests));

    guests->key = *key;
    atomic_init(&guests->table, table_create(FIRST_SIZE, NULL));
    pthread_mutex_init(&guests->changing, NULL);
    guests->watch.on_change = on_change;
    return guests;
}

void guests_watch(struct guests *guests, struct store *store)
{
    store_watch(store, &guests->watch);
}

void guests_unwatch(struct guests *guests, struct store *store)
{
    store_unwatch(store, &guests->watch);
}

void guests_destroy(struct guests **guests)
{
    struct table *table, *outgrown;

    if (*guests == NULL)
        return;
    for (table = atomic_load(&(*guests)->table); table != NULL; table = outgrown) {
        outgrown = table->outgrown;
        free(table);
    }
    pthread_mutex_destroy(&(*guests)->changing);
    free(*guests);
    *guests = NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "auth/directory_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024, PAGE = 1000 };

/* ---- with the mutex held */

/* Puts a value into a table, which is replaced by another one if it is full. */
static void set_locked(struct directory *directory, _Atomic(struct table *) *slot, uint64_t key,
                       uint64_t value)
{
    struct table *table = atomic_load(slot);

    if (!table_has_room(table)) {
        struct table *renewed = table_renew(table);

        table_set(renewed, key, value);
        atomic_store(slot, renewed);
        epochs_retire(&directory->epochs, table);
    } else {
        table_set(table, key, value);
    }
}

/* What a token says of its pins, behind owner and roles. */
static void put_pins(struct directory_entry *entry, const struct token_record *record, char *at)
{
    assert(record->pin_group.size < ID_SIZE && record->pin_labels.size <= PIN_LABELS_MAX);
    entry->pin_expire_ms = record->pin_expire_ms;
    entry->pin_min_copies = (uint8_t)record->pin_min_copies;
    entry->pin_group_size = (uint8_t)record->pin_group.size;
    entry->pin_labels_size = (uint16_t)record->pin_labels.size;
    if (record->pin_group.size > 0)
        memcpy(at, record->pin_group.data, record->pin_group.size);
    if (record->pin_labels.size > 0)
        memcpy(at + record->pin_group.size, record->pin_labels.data, record->pin_labels.size);
}

static struct directory_entry *make_entry(const struct token_record *record)
{
    size_t owner_size = strlen(record->owner);
    struct directory_entry *entry = memory_alloc(sizeof(*entry) + owner_size + record->roles.size +
                                                 record->pin_group.size + record->pin_labels.size);

    assert(token_id_is_valid(slice_of(record->id)) && record->roles.size < TOKEN_ROLES_SIZE);
    memcpy(entry->id, record->id, sizeof(entry->id));
    entry->owner_kind = (uint8_t)record->owner_kind;
    entry->owner_size = (uint8_t)owner_size;
    entry->roles_size = (uint16_t)record->roles.size;
    memcpy(entry->secret_hash, record->secret_hash, RECORD_HASH_SIZE);
    memcpy(entry->old_secret_hash, record->old_secret_hash, RECORD_HASH_SIZE);
    entry->old_until_ms = record->old_until_ms;
    entry->expires_ms = record->expires_ms;
    entry->revoked_ms = record->revoked_ms;
    atomic_init(&entry->used_s, (uint32_t)(record->used_ms / 1000));
    entry->saved_s = (uint32_t)(record->used_ms / 1000);
    memcpy(entry->bytes, record->owner, owner_size);
    if (record->roles.size > 0)
        memcpy(entry->bytes + owner_size, record->roles.data, record->roles.size);
    put_pins(entry, record, entry->bytes + owner_size + record->roles.size);
    return entry;
}

/* only_new: a record that is there already is newer. */
static void put_locked(struct directory *directory, const struct token_record *record,
                       bool only_new)
{
    struct directory_entry *before = directory_find_entry(directory, record->id);
    uint64_t next = atomic_load(&directory->generation) + 1;
    struct directory_entry *entry;

    if (before != NULL && only_new)
        return;
    entry = make_entry(record);
    if (before != NULL) {
        bool is_rotated = !record_hash_equal(before->secret_hash, entry->secret_hash);

        entry->secret_generation = is_rotated ? next : before->secret_generation;
        atomic_init(&entry->used_s, atomic_load(&before->used_s));
        entry->saved_s = before->saved_s;
    }
    set_locked(directory, &directory->tokens, directory_key_of_id(record->id),
               (uint64_t)(uintptr_t)entry);
    directory->shared.entry_bytes += malloc_usable_size(entry);
    if (before != NULL) {
        atomic_store(&directory->generation,
                     next); /* behind the entry: see directory_authenticate */
        directory->shared.entry_bytes -= malloc_usable_size(before);
        epochs_retire(&directory->epochs, before);
    }
}

static void remove_locked(struct directory *directory, const char *id)
{
    struct directory_entry *entry = directory_find_entry(directory, id);

    if (entry == NULL)
        return;
    table_remove(atomic_load(&directory->tokens), directory_key_of_id(id));
    atomic_fetch_add(&directory->generation, 1); /* behind the entry: see directory_authenticate */
    directory->shared.entry_bytes -= malloc_usable_size(entry);
    epochs_retire(&directory->epochs, entry);
}

void directory_put(struct directory *directory, const struct token_record *record)
{
    pthread_mutex_lock(&directory->mutex);
    put_locked(directory, record, false);
    pthread_mutex_unlock(&directory->mutex);
}

void directory_remove(struct directory *directory, const char *id)
{
    pthread_mutex_lock(&directory->mutex);
    remove_locked(directory, id);
    pthread_mutex_unlock(&directory->mutex);
}

void directory_end_sessions(struct directory *directory, enum principal_kind kind, struct slice id)
{
    uint64_t next;

    pthread_mutex_lock(&directory->mutex);
    next = atomic_load(&directory->generation) + 1;
    set_locked(directory, &directory->sessions, directory_key_of_principal(kind, id), next);
    atomic_store(&directory->generation, next);
    pthread_mutex_unlock(&directory->mutex);
}

void directory_suspend(struct directory *directory, enum principal_kind kind, struct slice id)
{
    pthread_mutex_lock(&directory->mutex);
    set_locked(directory, &directory->suspended, directory_key_of_principal(kind, id), 1);
    pthread_mutex_unlock(&directory->mutex);
    directory_end_sessions(directory, kind, id); /* behind it: see directory_authenticate */
}

void directory_resume(struct directory *directory, enum principal_kind kind, struct slice id)
{
    pthread_mutex_lock(&directory->mutex);
    table_remove(atomic_load(&directory->suspended), directory_key_of_principal(kind, id));
    pthread_mutex_unlock(&directory->mutex);
}

uint64_t directory_generation(const struct directory *directory)
{
    return atomic_load(&directory->generation);
}

/* ---- following the ledger: watched from before the first page is read, so that nothing is missed;
 * what the watch put is newer than a page */

static void on_change(struct store_watch *watch, const struct transaction *transaction)
{
    struct directory *directory = CONTAINER_OF(watch, struct directory, watch);
    const struct token_record *record =
        transaction->name == TRANSACTION_TOKEN_ADD      ? &transaction->token_add.record
        : transaction->name == TRANSACTION_TOKEN_ROTATE ? &transaction->token_rotate.record
        : transaction->name == TRANSACTION_TOKEN_REVOKE ? &transaction->token_revoke.record
                                                        : NULL;

    if (record != NULL)
        directory_put(directory, record);
    if (transaction->name == TRANSACTION_MEMBER_SUSPEND)
        directory_suspend(directory, PRINCIPAL_MEMBER,
                          slice_of(transaction->member_suspend.record.member));
    if (transaction->name == TRANSACTION_MEMBER_RESUME)
        directory_resume(directory, PRINCIPAL_MEMBER, slice_of(transaction->member_resume.member));
    if (transaction->name == TRANSACTION_TOKEN_PURGE)
        for (size_t i = 0; i < transaction->token_purge.count; i++)
            directory_remove(directory, transaction->token_purge.ids[i]);
}

static bool load_page(struct directory *directory, char after[TOKEN_ID_SIZE], bool *has_more,
                      struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
    struct token_list *page = &list->token_list;
    bool is_read;

    memcpy(page->after, after, TOKEN_ID_SIZE);
    page->limit = PAGE;
    is_read = store_run(directory->store, list, err);
    pthread_mutex_lock(&directory->mutex);
    for (size_t i = 0; is_read && i < page->count; i++)
        put_locked(directory, &page->records[i], true);
    pthread_mutex_unlock(&directory->mutex);
    if (is_read && page->count > 0)
        memcpy(after, page->records[page->count - 1].id, TOKEN_ID_SIZE);
    *has_more = page->has_more;
    transaction_destroy(&list);
    return is_read;
}

static bool load_suspended(struct directory *directory, char after[ID_SIZE], bool *has_more,
                           struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_MEMBER_LIST);
    struct member_list *page = &list->member_list;
    bool is_read;

    memcpy(page->after, after, ID_SIZE);
    page->limit = PAGE;
    is_read = store_run(directory->store, list, err);
    for (size_t i = 0; is_read && i < page->count; i++)
        directory_suspend(directory, PRINCIPAL_MEMBER, slice_of(page->records[i].member));
    if (is_read && page->count > 0)
        memcpy(after, page->records[page->count - 1].member, ID_SIZE);
    *has_more = page->has_more;
    transaction_destroy(&list);
    return is_read;
}

bool directory_attach(struct directory *directory, struct store *store, struct error *err)
{
    char after[TOKEN_ID_SIZE] = "", member[ID_SIZE] = "";
    bool has_more = true, is_read = true;

    assert(directory->store == NULL);
    directory->store = store;
    directory->watch.on_change = on_change;
    store_watch(store, &directory->watch);
    while (is_read && has_more)
        is_read = load_page(directory, after, &has_more, err);
    for (has_more = true; is_read && has_more;)
        is_read = load_suspended(directory, member, &has_more, err);
    if (!is_read)
        directory_detach(directory);
    return is_read;
}

void directory_detach(struct directory *directory)
{
    if (directory->store != NULL)
        store_unwatch(directory->store, &directory->watch);
    directory->store = NULL;
}

/* ---- the whole */

/* NULL: there is none in the slot. */
static struct directory_entry *entry_in(const struct table *table, size_t place)
{
    if (atomic_load(&table->slots[place].value) == 0)
        return NULL;
    return directory_entry_of(atomic_load(&table->slots[place].value));
}

size_t directory_collect_uses(struct directory *directory, struct token_use *uses, size_t max)
{
    const struct table *table;
    size_t count = 0;

    pthread_mutex_lock(&directory->mutex);
    table = atomic_load(&directory->tokens);
    for (size_t i = 0; i <= table->mask && count < max; i++) {
        struct directory_entry *entry = entry_in(table, i);
        uint32_t used_s = entry == NULL ? 0 : atomic_load(&entry->used_s);

        if (entry == NULL || used_s <= entry->saved_s)
            continue;
        memcpy(uses[count].id, entry->id, TOKEN_ID_SIZE);
        uses[count++].used_ms = (uint64_t)used_s * 1000;
        entry->saved_s = used_s;
    }
    pthread_mutex_unlock(&directory->mutex);
    return count;
}

struct directory_counters directory_counters(struct directory *directory)
{
    struct directory_counters counters;
    const struct table *tokens, *sessions;

    pthread_mutex_lock(&directory->mutex);
    tokens = atomic_load(&directory->tokens);
    sessions = atomic_load(&directory->sessions);
    epochs_collect(&directory->epochs);
    counters.tokens = tokens->count;
    counters.bytes = sizeof(*directory) + directory->shared.entry_bytes + table_bytes(tokens) +
                     table_bytes(sessions) + table_bytes(atomic_load(&directory->suspended));
    counters.retired = directory->epochs.retired_count;
    pthread_mutex_unlock(&directory->mutex);
    return counters;
}

struct directory *directory_create(void)
{
    struct directory *directory = memory_alloc(sizeof(*directory));

    epochs_init(&directory->epochs);
    atomic_init(&directory->tokens, table_create(FIRST_SLOTS));
    atomic_init(&directory->sessions, table_create(FIRST_SLOTS));
    atomic_init(&directory->suspended, table_create(FIRST_SLOTS));
    atomic_init(&directory->generation, 1);
    pthread_mutex_init(&directory->mutex, NULL);
    return directory;
}

void directory_destroy(struct directory **directory_ptr)
{
    struct directory *directory = *directory_ptr;
    struct table *tokens;

    if (directory == NULL)
        return;
    *directory_ptr = NULL;
    assert(directory->store == NULL);
    tokens = atomic_load(&directory->tokens);
    for (size_t i = 0; i <= tokens->mask; i++)
        free(entry_in(tokens, i));
    free(tokens);
    free(atomic_load(&directory->sessions));
    free(atomic_load(&directory->suspended));
    epochs_dispose(&directory->epochs);
    pthread_mutex_destroy(&directory->mutex);
    free(directory);
}

struct directory_view *directory_view_create(struct directory *directory)
{
    struct directory_view *reader = memory_alloc(sizeof(*reader));

    reader->directory = directory;
    pthread_mutex_lock(&directory->mutex);
    reader->epoch = epochs_take_reader(&directory->epochs);
    pthread_mutex_unlock(&directory->mutex);
    assert(reader->epoch != NULL);
    return reader;
}

void directory_view_destroy(struct directory_view **reader_ptr)
{
    struct directory_view *reader = *reader_ptr;

    if (reader == NULL)
        return;
    *reader_ptr = NULL;
    pthread_mutex_lock(&reader->directory->mutex);
    epochs_give_reader(reader->epoch);
    pthread_mutex_unlock(&reader->directory->mutex);
    free(reader);
}

// SPDX-License-Identifier: Apache-2.0
/* The inside of the directory, for directory.c (writers) and directory_authenticate.c (readers)
 * alone. */
#ifndef AUTH_DIRECTORY_PRIVATE_H
#define AUTH_DIRECTORY_PRIVATE_H

#include "auth/directory.h"
#include "auth/epochs.h"
#include "auth/table.h"

#include <pthread.h>

/* One token as it is now. Immutable but for the two times of use. */
struct directory_entry {
    char id[TOKEN_ID_SIZE];
    uint8_t owner_kind, owner_size;
    uint8_t pin_group_size;
    uint8_t pin_min_copies;
    uint16_t pin_labels_size;
    uint16_t roles_size;
    uint8_t secret_hash[RECORD_HASH_SIZE];
    uint8_t old_secret_hash[RECORD_HASH_SIZE];
    uint64_t old_until_ms; /* 0: there is no old secret */
    uint64_t expires_ms;
    uint64_t revoked_ms;
    uint64_t pin_expire_ms;
    uint64_t secret_generation;   /* principals of an earlier one were made with another secret */
    atomic_uint_least32_t used_s; /* since 1970; any reader writes it, coarsely */
    uint32_t saved_s;             /* the writers': what the ledger was told */
    char bytes[];                 /* owner, roles, pin_group, pin_labels */
};

struct directory {
    struct epochs epochs;
    _Atomic(struct table *) tokens;    /* id -> struct directory_entry */
    _Atomic(struct table *) sessions;  /* hash of a principal -> generation that ended them */
    _Atomic(struct table *) suspended; /* hash of a principal -> 1 */
    atomic_uint_fast64_t generation;
    struct store *store;
    struct store_watch watch;
    pthread_mutex_t mutex; /* among writers */
    struct {               /* under mutex */
        size_t entry_bytes;
    } shared;
};

struct directory_view {
    struct directory *directory;
    struct epoch_reader *epoch;
};

/* 10 letters of 5 bits. */
uint64_t directory_key_of_id(const char *id);
uint64_t directory_key_of_principal(enum principal_kind kind, struct slice id);

/* What the table of tokens has for values. */
static inline struct directory_entry *directory_entry_of(uint64_t value)
{
    return (struct directory_entry *)(uintptr_t)value; // NOLINT(performance-no-int-to-ptr)
}

/* NULL: there is none. Within an epoch, or with the mutex held. */
struct directory_entry *directory_find_entry(const struct directory *directory, const char *id);

#endif

// SPDX-License-Identifier: Apache-2.0
/* The recount: one pass over all pins in the order of their objects, accounts in memory. It shares
 * nothing with the sums that sqlite_usage.c keeps, so that neither hides a mistake of the other. */
#include "conf/memory.h"
#include "store/engine/sqlite.h"

#include <stdlib.h>
#include <string.h>

enum { KIND_SIZE = 16, FIRST_SIZE = 1024 };

struct account {
    char kind[KIND_SIZE]; /* "org", or an owner's; "": the place is free */
    char owner[ID_SIZE];
    struct usage counted, kept;
    uint64_t last_object; /* it was charged for already */
};

/* Open addressing; size is a power of two. */
struct accounts {
    struct account *places;
    size_t size, count;
};

/* FNV-1a. */
static size_t hash(const char *kind, const char *owner)
{
    uint64_t h = 14695981039346656037U;

    for (const char *c = kind; *c != '\0'; c++)
        h = (h ^ (uint8_t)*c) * 1099511628211U;
    for (const char *c = owner; *c != '\0'; c++)
        h = (h ^ (uint8_t)*c) * 1099511628211U;
    return (size_t)(h ^ (h >> 32));
}

static struct account *find(const struct accounts *accounts, const char *kind, const char *owner)
{
    size_t at = hash(kind, owner);

    for (;; at++) {
        struct account *account = &accounts->places[at & (accounts->size - 1)];

        if (account->kind[0] == '\0' ||
            (strcmp(account->kind, kind) == 0 && strcmp(account->owner, owner) == 0))
            return account;
    }
}

static void grow(struct accounts *accounts)
{
    struct accounts old = *accounts;

    accounts->size = old.size == 0 ? FIRST_SIZE : 2 * old.size;
    accounts->places = memory_alloc(accounts->size * sizeof(struct account));
    for (size_t i = 0; i < old.size; i++)
        if (old.places[i].kind[0] != '\0')
            *find(accounts, old.places[i].kind, old.places[i].owner) = old.places[i];
    free(old.places);
}

/* Makes it if it is missing. */
static struct account *need(struct accounts *accounts, const char *kind, const char *owner)
{
    struct account *account;

    if (2 * accounts->count >= accounts->size)
        grow(accounts);
    account = find(accounts, kind, owner);
    if (account->kind[0] == '\0') {
        accounts->count++;
        memcpy(account->kind, kind, strlen(kind) + 1);
        memcpy(account->owner, owner, strlen(owner) + 1);
    }
    return account;
}

static void charge(struct account *account, uint64_t object, uint64_t bytes)
{
    account->counted.pins++;
    if (account->last_object == object)
        return;
    account->last_object = object;
    account->counted.objects++;
    account->counted.bytes += bytes;
}

/* The columns of RECOUNT_PINS. */
static bool count_pin(struct sqlite_run *run, struct accounts *accounts)
{
    uint64_t object = sqlite_integer(run, 0), bytes = sqlite_integer(run, 5);
    char kind[KIND_SIZE], owner[ID_SIZE];

    charge(need(accounts, "org", ""), object, bytes);
    if (sqlite_integer(run, 4) != 0) /* ownerless */
        return true;
    if (!sqlite_read_text(run, 2, kind, sizeof(kind)) ||
        !sqlite_read_text(run, 3, owner, sizeof(owner)))
        return false;
    charge(need(accounts, kind, owner), object, bytes);
    return true;
}

/* The columns of USAGE_ALL. */
static bool read_kept(struct sqlite_run *run, struct accounts *accounts)
{
    char kind[KIND_SIZE], owner[ID_SIZE];

    if (!sqlite_read_text(run, 0, kind, sizeof(kind)) ||
        !sqlite_read_text(run, 1, owner, sizeof(owner)))
        return false;
    need(accounts, kind, owner)->kept = (struct usage){.bytes = sqlite_integer(run, 2),
                                                       .objects = sqlite_integer(run, 3),
                                                       .pins = sqlite_integer(run, 4)};
    return true;
}

static bool read_all(struct sqlite *sqlite, enum statement statement, struct accounts *accounts,
                     bool (*read)(struct sqlite_run *run, struct accounts *accounts),
                     struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, statement, err))
        return false;
    while ((is_read = sqlite_step(&run, &has_row)) && has_row)
        if (!(is_read = read(&run, accounts)))
            break;
    sqlite_end(&run);
    return is_read;
}

static bool is_equal(const struct usage *a, const struct usage *b)
{
    return a->bytes == b->bytes && a->objects == b->objects && a->pins == b->pins;
}

static bool repair(struct sqlite *sqlite, const struct accounts *accounts, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_USAGE_DELETE_ALL, err) || !sqlite_finish(&run))
        return false;
    for (size_t i = 0; i < accounts->size; i++) {
        const struct account *account = &accounts->places[i];

        if (account->kind[0] == '\0' || account->counted.pins == 0)
            continue;
        if (!sqlite_begin(&run, sqlite, STATEMENT_USAGE_SET, err))
            return false;
        sqlite_bind_text(&run, 1, slice_of(account->kind));
        sqlite_bind_text(&run, 2, slice_of(account->owner));
        sqlite_bind_integer(&run, 3, account->counted.bytes);
        sqlite_bind_integer(&run, 4, account->counted.objects);
        sqlite_bind_integer(&run, 5, account->counted.pins);
        if (!sqlite_finish(&run))
            return false;
    }
    return true;
}

bool sqlite_recount(struct sqlite *sqlite, struct usage_recount *in, struct error *err)
{
    struct accounts accounts = {0};
    bool is_done;

    in->accounts = in->different = 0;
    grow(&accounts);
    is_done = read_all(sqlite, STATEMENT_RECOUNT_PINS, &accounts, count_pin, err) &&
              read_all(sqlite, STATEMENT_USAGE_ALL, &accounts, read_kept, err);
    for (size_t i = 0; i < accounts.size; i++) {
        const struct account *account = &accounts.places[i];

        in->accounts += account->counted.pins > 0;
        in->different += !is_equal(&account->counted, &account->kept);
    }
    in->org = find(&accounts, "org", "")->counted;
    if (is_done && in->repairs && in->different > 0)
        is_done = repair(sqlite, &accounts, err);
    free(accounts.places);
    return is_done;
}

bool sqlite_usage_recount(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    return sqlite_recount(sqlite, &transaction->usage_recount, err);
}

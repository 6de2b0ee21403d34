// SPDX-License-Identifier: Apache-2.0
/* What the tests of the ledger share: a folder of their own, a store in it, records to put there.
 */
#ifndef TESTS_UNIT_STORE_KIT_H
#define TESTS_UNIT_STORE_KIT_H

#include "conf/memory.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct kit {
    char base[64];   /* a temporary folder */
    char folder[96]; /* base/data: not made yet */
    struct store *store;
    struct loop *loop;
};

static inline void kit_path(const struct kit *kit, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", kit->folder, name);
}

static inline void kit_open(struct kit *kit)
{
    struct store_settings settings = {.folder = kit->folder};
    struct error err = {0};

    if (!store_open(&kit->store, &settings, &err))
        fail_msg("%s", err.text);
}

static inline int kit_setup_closed(void **state)
{
    struct kit *kit = memory_alloc(sizeof(*kit));

    snprintf(kit->base, sizeof(kit->base), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(kit->base));
    snprintf(kit->folder, sizeof(kit->folder), "%s/data", kit->base);
    *state = kit;
    return 0;
}

static inline int kit_setup(void **state)
{
    struct kit *kit;

    kit_setup_closed(state);
    kit = *state;
    kit->loop = loop_create(NULL);
    kit_open(kit);
    return 0;
}

static inline int kit_teardown(void **state)
{
    struct kit *kit = *state;
    char command[160];

    store_close(&kit->store);
    if (kit->loop != NULL)
        loop_turn(kit->loop, 0);
    loop_destroy(&kit->loop);
    snprintf(command, sizeof(command), "rm -rf '%s'", kit->base);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(kit);
    return 0;
}

/* "aaaaaaaaaa" + n in the digits of base32. */
static inline void kit_token_id(char id[TOKEN_ID_SIZE], unsigned n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (int i = TOKEN_ID_SIZE - 2; i >= 0; i--, n /= 32)
        id[i] = letters[n % 32];
    id[TOKEN_ID_SIZE - 1] = '\0';
}

static inline struct transaction *kit_token_add(unsigned n, const char *owner)
{
    struct transaction *add = transaction_create(TRANSACTION_TOKEN_ADD);
    struct token_record *record = &add->token_add.record;

    kit_token_id(record->id, n);
    record->owner_kind = OWNER_MEMBER;
    snprintf(record->owner, sizeof(record->owner), "%s", owner);
    memset(record->secret_hash, (int)(n % 255 + 1), RECORD_HASH_SIZE);
    record->created_ms = 1000 + n;
    return add;
}

/* Runs it and frees it; fails the test unless it went as expected. */
static inline void kit_run(struct kit *kit, struct transaction *transaction,
                           enum error_code expected)
{
    struct error err = {0};

    if (store_run(kit->store, transaction, &err) != (expected == ERROR_NONE) ||
        err.code != expected)
        fail_msg("%s: code %d: %s", transaction_text(transaction->name), err.code, err.text);
    transaction_destroy(&transaction);
}

#define KIT_TEST(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

#endif

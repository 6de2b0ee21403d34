// SPDX-License-Identifier: Apache-2.0
/* What is left of a crash, at the next start. */
#include "federation/allocation.h"
#include "federation/inbox.h"
#include "federation/spools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LINK  "01jd00000000000000000000aa"
#define OTHER "01jd00000000000000000000ab"
#define KNOWN "01jd0000000000000000000001"
#define GONE  "01jd0000000000000000000002"

static void put(struct store *store, uint8_t role, const char *id)
{
    struct transaction *put = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *entry = &put->allocation_put.entry;
    struct error err = {0};

    memcpy(entry->link, LINK, ULID_SIZE);
    memcpy(entry->id, id, ULID_SIZE);
    entry->role = role;
    entry->object = transaction_copy(put, SLICE("object"));
    entry->record = transaction_copy(put, SLICE("record"));
    (void)snprintf(entry->state, sizeof(entry->state), "receiving");
    if (!store_run(store, put, &err))
        fail_msg("%s", err.text);
    transaction_destroy(&put);
}

static void test_spools_that_nobody_has_go(void **state)
{
    static const struct {
        const char *name;
        bool stays;
    } cases[] = {
        {LINK "." KNOWN, true},
        {LINK "." KNOWN ".back", false},
        {LINK "." GONE, false},
        {OTHER "." KNOWN, false}, /* the same id over another link */
        {"something of the operator's", true},
    };
    char folder[] = "/tmp/spools-XXXXXX", path[200], command[100];
    struct store_settings settings = {.folder = folder};
    struct store *store;
    struct error err = {0};
    unsigned removed;

    assert_non_null(mkdtemp(folder));
    if (!store_open(&store, &settings, &err))
        fail_msg("%s", err.text);
    put(store, ALLOCATION_HOLDER, KNOWN);
    put(store, ALLOCATION_OWNER, GONE); /* one that we placed there: not what comes from them */
    (void)snprintf(path, sizeof(path), "%s/inbox", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        FILE *part;

        (void)snprintf(path, sizeof(path), "%s/inbox/%s", folder, cases[i].name);
        assert_int_equal(mkdir(path, 0700), 0);
        (void)snprintf(path, sizeof(path), "%s/inbox/%s/00001.car", folder, cases[i].name);
        part = fopen(path, "we");
        assert_non_null(part);
        (void)fclose(part);
    }
    (void)snprintf(path, sizeof(path), "%s/inbox", folder);
    if (!spools_tidy(path, store, &removed, &err))
        fail_msg("%s", err.text);
    assert_int_equal(removed, 3);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        (void)snprintf(path, sizeof(path), "%s/inbox/%s/00001.car", folder, cases[i].name);
        assert_int_equal(access(path, F_OK) == 0, cases[i].stays);
    }
    store_close(&store);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spools_that_nobody_has_go)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "proxy/denylist.h"

#include "conf/memory.h"
#include "kit.h"

#include <stdlib.h>

#include <pthread.h>
#include <stdatomic.h>

enum { MANY = 2000 };

struct fixture {
    struct denylist *denylist;
    struct denylist_reader *reader;
    struct text reason;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    f->denylist = denylist_create();
    f->reader = denylist_reader_create(f->denylist);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    denylist_reader_destroy(&f->reader);
    denylist_destroy(&f->denylist);
    text_dispose(&f->reason);
    free(f);
    return 0;
}

/* Digests that end alike are of one key. */
static struct cid cid_of(unsigned number, bool ends_alike, uint64_t codec)
{
    uint8_t digest[32] = {0};
    struct cid cid;

    memcpy(digest + (ends_alike ? 0 : 24), &number, sizeof(number));
    cid_make(&cid, 1, codec, 0x12, digest, sizeof(digest));
    return cid;
}

static void deny(struct fixture *f, const struct cid *cid, const char *reason)
{
    struct denied_record record = {.multihash = cid_multihash(cid), .reason = slice_of(reason)};

    denylist_put(f->denylist, &record);
}

static bool is_denied(struct fixture *f, const struct cid *cid)
{
    text_clear(&f->reason);
    return denylist_find(f->reader, cid, &f->reason);
}

static void test_denylist_denies_a_multihash_in_every_form(void **state)
{
    struct fixture *f = *state;
    struct cid raw = cid_of(1, false, CODEC_RAW), cbor = cid_of(1, false, CODEC_DAG_CBOR);
    struct cid other = cid_of(2, false, CODEC_RAW), v0;

    cid_make(&v0, 0, CODEC_DAG_PB, 0x12, cid_digest(&raw), 32);
    assert_true(denylist_is_empty(f->denylist));
    assert_false(is_denied(f, &raw));
    deny(f, &v0, "a reason");
    assert_false(denylist_is_empty(f->denylist));
    assert_true(is_denied(f, &raw));
    assert_string_equal(f->reason.data, "a reason");
    assert_true(is_denied(f, &cbor));
    assert_true(is_denied(f, &v0));
    assert_false(is_denied(f, &other));
    deny(f, &cbor, "another");
    assert_true(is_denied(f, &v0));
    assert_string_equal(f->reason.data, "another");
    denylist_remove(f->denylist, cid_multihash(&raw));
    assert_false(is_denied(f, &v0));
    assert_true(denylist_is_empty(f->denylist));
    denylist_remove(f->denylist, cid_multihash(&raw));
    assert_true(denylist_is_empty(f->denylist));
}

static void test_denylist_keeps_what_ends_alike_apart(void **state)
{
    struct fixture *f = *state;
    struct cid cids[5];

    for (unsigned i = 0; i < ARRAY_SIZE(cids); i++) {
        cids[i] = cid_of(i + 1, true, CODEC_RAW);
        if (i < 4)
            deny(f, &cids[i], "");
    }
    assert_false(is_denied(f, &cids[4]));
    denylist_remove(f->denylist, cid_multihash(&cids[2]));
    for (unsigned i = 0; i < ARRAY_SIZE(cids); i++)
        assert_int_equal(is_denied(f, &cids[i]), i != 2 && i != 4);
}

static void test_denylist_grows_and_shrinks(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < MANY; i++) {
        struct cid cid = cid_of(i, i % 3 == 0, CODEC_RAW);

        deny(f, &cid, "");
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        struct cid cid = cid_of(i, i % 3 == 0, CODEC_RAW);

        denylist_remove(f->denylist, cid_multihash(&cid));
    }
    for (unsigned i = 1; i < MANY; i++) {
        struct cid cid = cid_of(i, i % 3 == 0, CODEC_RAW);

        assert_int_equal(is_denied(f, &cid), i % 2 == 1);
    }
}

struct changer {
    struct denylist *denylist;
    atomic_bool stops;
};

static void *change(void *changer_)
{
    struct changer *changer = changer_;

    for (unsigned i = 0; !atomic_load(&changer->stops); i++) {
        struct cid cid = cid_of(2 + i % 100, i % 2 == 0, CODEC_RAW);
        struct denied_record record = {.multihash = cid_multihash(&cid), .reason = SLICE("why")};

        if (i / 100 % 2 == 0)
            denylist_put(changer->denylist, &record);
        else
            denylist_remove(changer->denylist, record.multihash);
    }
    return NULL;
}

static void test_denylist_is_read_while_it_changes(void **state)
{
    struct fixture *f = *state;
    struct changer changer = {.denylist = f->denylist};
    struct cid held = cid_of(1, true, CODEC_RAW), free_cid = cid_of(1000, true, CODEC_RAW);
    pthread_t thread;

    deny(f, &held, "held");
    assert_int_equal(pthread_create(&thread, NULL, change, &changer), 0);
    for (int i = 0; i < 20000; i++) {
        assert_true(is_denied(f, &held));
        assert_string_equal(f->reason.data, "held");
        assert_false(is_denied(f, &free_cid));
    }
    atomic_store(&changer.stops, true);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_denylist_denies_a_multihash_in_every_form, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_denylist_keeps_what_ends_alike_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_denylist_grows_and_shrinks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_denylist_is_read_while_it_changes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

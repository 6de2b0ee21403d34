// SPDX-License-Identifier: Apache-2.0
#include "proxy/guests.h"

#include "ipfs/hash.h"
#include "kit.h"

enum { OBJECTS = 5000, STEPS = 200000 };

static const struct cid_set_key key = {{1, 2}};

static struct cid object_of(unsigned number)
{
    uint8_t digest[32] = {(uint8_t)number, (uint8_t)(number >> 8)};
    struct cid cid;

    cid_make(&cid, 1, CODEC_DAG_PB, HASH_SHA2_256, digest, sizeof(digest));
    return cid;
}

static void test_nothing_is_one_at_first(void **state)
{
    struct guests *guests = guests_create(&key);
    struct cid cid = object_of(1);

    assert_false(guests_have(guests, &cid));
    guests_note(guests, &cid, false);
    assert_false(guests_have(guests, &cid));
    guests_destroy(&guests);
    assert_null(guests);
}

static void test_one_is_known_in_every_form_of_its_cid(void **state)
{
    struct guests *guests = guests_create(&key);
    struct cid v1 = object_of(7), v0;
    uint8_t digest[32] = {7};

    cid_make(&v0, 0, CODEC_DAG_PB, HASH_SHA2_256, digest, sizeof(digest));
    guests_note(guests, &v0, true);
    assert_true(guests_have(guests, &v1));
    assert_true(guests_have(guests, &v0));
    guests_note(guests, &v1, false);
    assert_false(guests_have(guests, &v0));
    guests_destroy(&guests);
}

/* Beside an array that says the same. */
static void test_many_come_and_go(void **state)
{
    struct guests *guests = guests_create(&key);
    static bool is_one[OBJECTS];
    uint64_t random = 88172645463325252;

    for (unsigned step = 0; step < STEPS; step++) {
        unsigned number;
        struct cid cid;

        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        /* in waves, so that the table fills and empties */
        number = (unsigned)((random >> 8) % OBJECTS);
        is_one[number] = random % 8 < (step / 20000 % 2 == 0 ? 6 : 2);
        cid = object_of(number);
        guests_note(guests, &cid, is_one[number]);
        if (step % 20000 != 19999)
            continue;
        for (unsigned i = 0; i < OBJECTS; i++) {
            cid = object_of(i);
            assert_int_equal(guests_have(guests, &cid), is_one[i]);
        }
    }
    guests_destroy(&guests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_one_at_first),
        cmocka_unit_test(test_one_is_known_in_every_form_of_its_cid),
        cmocka_unit_test(test_many_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

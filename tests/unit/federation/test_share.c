// SPDX-License-Identifier: Apache-2.0
#include "federation/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND_US UINT64_C(1000000)

static void test_share_a_burst_waits_for_nothing(void **state)
{
    struct share share = {.at_us = 5};

    share_use(&share, SHARE_BURST_US);
    assert_int_equal(share_wait_ms(&share, 5), 0);
    share_use(&share, 1000);
    assert_int_equal(share_wait_ms(&share, 5), SHARE_PARTS + 1);
    assert_int_equal(share_wait_ms(&share, 5 + (SHARE_PARTS + 1) * 1000), 0);
}

/* Who asks all the time, and works whenever it may. */
static void test_share_never_exceeds_its_part(void **state)
{
    static const uint64_t piece_us[] = {3, 170, 20000};

    for (size_t i = 0; i < 3; i++) {
        struct share share = {0};
        uint64_t used_us = 0, now_us = 0;

        while (now_us < 100 * SECOND_US) {
            if (share_wait_ms(&share, now_us) == 0) {
                share_use(&share, piece_us[i]);
                used_us += piece_us[i];
                now_us += piece_us[i];
            } else {
                now_us += 7; /* less than is earned in one */
            }
        }
        assert_in_range(used_us, 99 * SECOND_US / SHARE_PARTS,
                        100 * SECOND_US / SHARE_PARTS + SHARE_BURST_US + piece_us[i]);
    }
}

static void test_share_long_rest_earns_no_more_than_a_burst(void **state)
{
    struct share share = {0};

    share_use(&share, SECOND_US);
    assert_int_equal(share_wait_ms(&share, 3600 * SECOND_US), 0);
    share_use(&share, SHARE_BURST_US + 1000);
    assert_int_equal(share_wait_ms(&share, 3600 * SECOND_US), SHARE_PARTS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_a_burst_waits_for_nothing),
        cmocka_unit_test(test_share_never_exceeds_its_part),
        cmocka_unit_test(test_share_long_rest_earns_no_more_than_a_burst),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

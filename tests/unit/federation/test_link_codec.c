// SPDX-License-Identifier: Apache-2.0
#include "federation/link_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct link_kept full(void)
{
    struct link_kept kept = {.record = {.id = "01jd0000000000000000000000",
                                        .peer = "beta",
                                        .state = LINK_ISOLATED,
                                        .epoch = 3,
                                        .invite_epoch = 2,
                                        .is_inviter = true,
                                        .has_peer = true,
                                        .confirmed_here = true,
                                        .isolation = LINK_WENT_BACK,
                                        .end = LINK_NOT_ENDED,
                                        .incarnation_here = UINT64_MAX,
                                        .incarnation_there = 7,
                                        .past = {5, 6},
                                        .taken_there = 4096,
                                        .roots_there = 9,
                                        .since_wall_ms = 1800000000000},
                             .org = "beta.example",
                             .our_address = "gw.example:9501"};

    memset(kept.record.peer_root, 1, sizeof(kept.record.peer_root));
    memset(kept.record.roots_there_digest, 2, sizeof(kept.record.roots_there_digest));
    return kept;
}

static void test_link_codec_reads_what_it_wrote(void **state)
{
    struct link_kept kept = full(), again;
    struct text bytes = {0}, second = {0};

    link_codec_print(&kept, &bytes);
    assert_true(link_codec_parse(&again, text_slice(&bytes), NULL));
    assert_int_equal(again.record.state, LINK_ISOLATED);
    assert_int_equal(again.record.isolation, LINK_WENT_BACK);
    assert_true(again.record.incarnation_here == UINT64_MAX);
    assert_int_equal(again.record.past[1], 6);
    assert_memory_equal(again.record.peer_root, kept.record.peer_root, LINK_DIGEST_SIZE);
    assert_string_equal(again.our_address, "gw.example:9501");
    link_codec_print(&again, &second);
    assert_string_equal(bytes.data, second.data);
    text_dispose(&bytes);
    text_dispose(&second);
}

static void test_link_codec_refuses_what_it_does_not_know(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "{\"v\":2}",
        "{\"v\":1,\"id\":\"01jd0000000000000000000000\",\"peer\":\"beta\",\"state\":\"odd\","
        "\"isolation\":\"no\",\"end\":\"no\"}",
        "{\"v\":1,\"id\":\"01jd0000000000000000000000\",\"peer\":\"beta\",\"state\":\"active\","
        "\"isolation\":\"no\",\"end\":\"no\",\"more\":1}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct link_kept kept;
        struct error err = {0};

        assert_false(link_codec_parse(&kept, slice_of(texts[i]), &err));
        assert_int_not_equal(err.code, ERROR_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_codec_reads_what_it_wrote),
        cmocka_unit_test(test_link_codec_refuses_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

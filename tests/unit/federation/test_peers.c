// SPDX-License-Identifier: Apache-2.0
#include "../auth/ca_kit.h"
#include "conf/memory.h"
#include "federation/peers.h"

#include <string.h>

static const struct peer *make_peer(const struct kit_org *org, const char *link)
{
    struct roots made = kit_roots(org, 1), roots = kit_sign(&made, &org->root, NULL);
    struct error err = {0};
    struct peer *peer = peers_peer_create(text_slice(&roots.bytes), &err);

    assert_non_null(peer);
    assert_string_equal(peer->org, org->name);
    snprintf(peer->link, sizeof(peer->link), "%s", link);
    roots_dispose(&roots);
    return peer;
}

static void test_peers_are_found_by_organization_and_by_link(void **state)
{
    static const char *const names[] = {"c.example", "a.example", "b.example", "b.example"};
    static const char *const links[] = {"01jd0000000000000000000004", "01jd0000000000000000000003",
                                        "01jd0000000000000000000002", "01jd0000000000000000000001"};
    struct peers *peers = peers_create();
    const struct peers *view = peers;
    const struct peer *const *first;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct kit_org org = kit_org_create(names[i]);
        const struct peer *peer = make_peer(&org, links[i]);

        peers_add(peers, peer);
        peers_peer_unref(&peer);
        kit_org_dispose(&org);
    }
    peers_seal(peers);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        assert_string_equal(peers_of_link(view, links[i])->org, names[i]);
        assert_true(peers_of_org(view, names[i], &first) >= 1);
        assert_string_equal((*first)->org, names[i]);
    }
    assert_int_equal(peers_of_org(view, "b.example", &first), 2);
    assert_string_equal(first[0]->link, links[3]);
    assert_string_equal(first[1]->link, links[2]);
    assert_int_equal(peers_of_org(view, "bb.example", &first), 0);
    assert_int_equal(peers_of_org(view, "", &first), 0);
    assert_int_equal(peers_of_org(view, "z.example", &first), 0);
    assert_null(peers_of_link(view, "01jd0000000000000000000005"));
    assert_null(peers_of_link(view, ""));
    peers_unref(&view);
}

static void test_peers_of_an_empty_view_has_nobody(void **state)
{
    struct peers *peers = peers_create();
    const struct peers *view = peers;
    const struct peer *const *first;

    peers_seal(peers);
    assert_int_equal(peers_of_org(view, "a.example", &first), 0);
    assert_null(peers_of_link(view, "01jd0000000000000000000001"));
    peers_unref(&view);
    assert_null(view);
    peers_unref(&view); /* NULL is fine */
}

static void test_peers_of_two_views_are_the_same_ones(void **state)
{
    struct kit_org org = kit_org_create("a.example");
    const struct peer *peer = make_peer(&org, "01jd0000000000000000000001");
    struct peers *first = peers_create(), *second = peers_create();
    const struct peers *old_view = first, *new_view = second;

    peers_add(first, peer);
    peers_seal(first);
    peers_add(second, peers_of_link(first, peer->link));
    peers_seal(second);
    peers_unref(&old_view);
    assert_ptr_equal(peers_of_link(new_view, peer->link), peer);
    peers_peer_unref(&peer);
    peers_unref(&new_view);
    kit_org_dispose(&org);
}

static void test_peers_refuse_what_is_no_document(void **state)
{
    struct error err = {0};

    assert_null(peers_peer_create(SLICE("no document"), &err));
    assert_int_not_equal(err.code, ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_are_found_by_organization_and_by_link),
        cmocka_unit_test(test_peers_of_an_empty_view_has_nobody),
        cmocka_unit_test(test_peers_of_two_views_are_the_same_ones),
        cmocka_unit_test(test_peers_refuse_what_is_no_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

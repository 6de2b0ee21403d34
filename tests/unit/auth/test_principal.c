// SPDX-License-Identifier: Apache-2.0
#include "auth/principal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_principal_copy_owns_every_byte(void **state)
{
    char id[] = "alice", group[] = "lab", name[] = "clearance", value[] = "2", role[] = "reader";
    char token[] = "abcdefghij", san[] = "mailto:alice@example.org";
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(7)};
    struct slice groups[] = {slice_of(group), SLICE("robots")}, roles[] = {slice_of(role)};
    struct principal_attribute attributes[] = {{slice_of(name), slice_of(value)}};
    struct principal facts = {
        .kind = PRINCIPAL_MEMBER,
        .id = slice_of(id),
        .groups = groups,
        .group_count = 2,
        .attributes = attributes,
        .attribute_count = 1,
        .token_id = slice_of(token),
        .token_roles = roles,
        .token_role_count = 1,
        .certificate_name = slice_of(san),
        .expires_ms = 5,
        .generation = 9,
        .peer = (struct sockaddr *)&peer,
        .is_encrypted = true,
    };
    const struct principal *copy = principal_create(&facts);

    memset(id, 'x', sizeof(id));
    memset(group, 'x', sizeof(group));
    memset(value, 'x', sizeof(value));
    memset(role, 'x', sizeof(role));
    memset(token, 'x', sizeof(token));
    memset(groups, 0, sizeof(groups));
    peer.sin_port = 0;

    assert_true(slice_is(copy->id, "alice"));
    assert_true(principal_has_group(copy, SLICE("lab")));
    assert_true(principal_has_group(copy, SLICE("robots")));
    assert_false(principal_has_group(copy, SLICE("la")));
    assert_true(slice_is(principal_attribute(copy, SLICE("clearance")), "2"));
    assert_null(principal_attribute(copy, SLICE("clear")).data);
    assert_int_equal(copy->token_role_count, 1);
    assert_true(slice_is(copy->token_roles[0], "reader"));
    assert_true(slice_is(copy->token_id, "abcdefghij"));
    assert_true(slice_is(copy->certificate_name, "mailto:alice@example.org"));
    assert_int_equal(((const struct sockaddr_in *)(const void *)copy->peer)->sin_port, htons(7));
    assert_true(copy->is_encrypted);
    assert_int_equal(copy->generation, 9);
    assert_int_equal(copy->expires_ms, 5);
    principal_unref(&copy);
    assert_null(copy);
}

static void test_principal_lives_until_the_last_reference(void **state)
{
    const struct principal *first =
        principal_create(&(struct principal){.kind = PRINCIPAL_PARTNER, .id = SLICE("beta")});
    const struct principal *second = principal_ref(first);

    principal_unref(&first);
    assert_true(slice_is(second->id, "beta"));
    principal_unref(&second);
    principal_unref(&second);
}

/* A token narrowed to no role at all must not become one that is not narrowed. */
static void test_principal_copy_keeps_narrowed_apart_from_not_narrowed(void **state)
{
    struct slice none[1];
    const struct principal *open = principal_create(&(struct principal){0});
    const struct principal *narrowed = principal_create(&(struct principal){.token_roles = none});

    assert_null(open->token_roles);
    assert_non_null(narrowed->token_roles);
    assert_int_equal(narrowed->token_role_count, 0);
    principal_unref(&open);
    principal_unref(&narrowed);
}

static void test_principal_prints_kind_and_id(void **state)
{
    static const struct {
        struct principal principal;
        const char *text;
    } table[] = {
        {{.kind = PRINCIPAL_ANONYMOUS}, "anonymous"},
        {{.kind = PRINCIPAL_MEMBER, .id = {"alice", 5}}, "member:alice"},
        {{.kind = PRINCIPAL_PARTNER, .id = {"beta", 4}}, "partner:beta"},
        {{.kind = PRINCIPAL_OPERATOR, .id = {"root", 4}}, "operator:root"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct text out = {0};
        enum principal_kind kind;

        principal_put(&out, &table[i].principal);
        assert_string_equal(out.data, table[i].text);
        assert_true(
            principal_kind_parse(&kind, slice_of(principal_kind_name(table[i].principal.kind))));
        assert_int_equal(kind, table[i].principal.kind);
        text_dispose(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_principal_copy_owns_every_byte),
        cmocka_unit_test(test_principal_lives_until_the_last_reference),
        cmocka_unit_test(test_principal_copy_keeps_narrowed_apart_from_not_narrowed),
        cmocka_unit_test(test_principal_prints_kind_and_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

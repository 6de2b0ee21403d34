// SPDX-License-Identifier: Apache-2.0
/* The section `grants`: what it gives, what it may not say. */
#include "kit.h"

#include "policy/accounts.h"
#include "policy/diff.h"
#include "policy/grants.h"

static const struct policy *granted(const char *grants)
{
    struct policy_source source = {.name = "p"};
    struct text yaml = {0};
    struct error err = {0};
    const struct policy *policy;

    text_put_format(&yaml, KIT_HEAD "grants:\n%s", grants);
    source.bytes = text_slice(&yaml);
    if (!policy_compile(&policy, &source, 1, NULL, &err))
        fail_msg("%s", err.text);
    text_dispose(&yaml);
    return policy;
}

static void test_grants_are_read_with_their_units(void **state)
{
    const struct policy *policy =
        granted("  - {partner: gamma, they_store: {bytes: 1GiB}}\n"
                "  - partner: beta\n"
                "    we_store: {bytes: 2TiB, pins: 50, max_object: 100GiB, rate: 100MiB/s}\n"
                "    they_store: {bytes: 1TiB, until: \"2028-06-30\"}\n");
    const struct policy_grant *beta = policy_grant_find(policy, SLICE("beta"));
    struct text text = {0};

    assert_int_equal(policy_grant_count(policy), 2);
    assert_ptr_equal(beta, policy_grant(policy, 0));
    assert_string_equal(beta->label, "grants to beta (p:5)");
    assert_true(beta->we_store.is_given && beta->they_store.is_given);
    assert_int_equal(beta->we_store.bytes, UINT64_C(2) << 40);
    assert_int_equal(beta->we_store.pins, 50);
    assert_int_equal(beta->we_store.max_object, UINT64_C(100) << 30);
    assert_int_equal(beta->we_store.rate, UINT64_C(100) << 20);
    assert_int_equal(beta->they_store.bytes, UINT64_C(1) << 40);
    assert_int_equal(beta->they_store.until_ms, UINT64_C(1845936000000));
    policy_grant_put(beta, &text);
    assert_string_equal(text.data, "we store 2 TiB in 50 pins, objects of 100 GiB, 100 MiB a "
                                   "second; they store 1 TiB until 2028-06-30T00:00:00.000Z");
    text_clear(&text);
    policy_grant_put_json(policy_grant(policy, 1), &text);
    assert_string_equal(text.data, "{\"we_store\":null,\"they_store\":{\"bytes\":1073741824}}");
    text_dispose(&text);
    policy_unref(&policy);
}

static void test_who_is_not_named_is_granted_nothing(void **state)
{
    const struct policy *policy = granted("  - {partner: gamma, they_store: {bytes: 1GiB}}\n");
    const struct policy_grant *gamma = policy_grant_find(policy, SLICE("gamma"));

    assert_null(policy_grant_find(policy, SLICE("beta")));
    assert_non_null(gamma);
    assert_false(gamma->we_store.is_given);
    assert_int_equal(gamma->we_store.bytes, 0);
    policy_unref(&policy);
}

static void test_grants_say_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *grant, *mistake;
    } cases[] = {
        {"{partner: beta}", "p:4:5: this grant gives nothing; there are we_store"},
        {"{we_store: {bytes: 1}}", "p:4:5: 'partner' is missing"},
        {"{partner: Beta, we_store: {bytes: 1}}", "p:4:15: "},
        {"{partner: beta, westore: {bytes: 1}}",
         "p:4:21: 'westore' is not known here; did you mean 'we_store'?"},
        {"{partner: beta, we_store: {byte: 1}}",
         "p:4:32: 'byte' is not known here; did you mean 'bytes'?"},
        {"{partner: beta, we_store: {pins: 1}}", "p:4:31: 'bytes' is missing"},
        {"{partner: beta, we_store: {bytes: 0}}", "p:4:39: a grant of 0 bytes gives nothing"},
        {"{partner: beta, we_store: {bytes: 1, pins: 0}}", "p:4:48: a grant of 0 pins"},
        {"{partner: beta, we_store: {bytes: 1KiB, max_object: 2KiB}}",
         "p:4:57: an object of this size is more than all"},
        {"{partner: beta, we_store: {bytes: 1, rate: 1MiB}}",
         "p:4:48: '1MiB' is no rate of bytes; write 100MiB/s"},
        {"{partner: beta, we_store: {bytes: 1, rate: 0/s}}", "p:4:48: a rate of 0 lets nothing"},
        {"{partner: beta, we_store: {bytes: 1, rate: 16383/s}}",
         "p:4:48: a rate below 16KiB/s would not"},
        {"{partner: beta, they_store: {bytes: 1, until: soon}}", "p:4:51: "},
        {"{partner: beta, they_store: {bytes: 1, data: \"label.class != 'secret'\"}}",
         "p:4:57: there is no label.class among the labels of this policy"},
        {"{partner: beta, we_store: {bytes: 1}}\n  - {partner: beta, we_store: {bytes: 1}}",
         "p:5:15: the grant to 'beta' stands in p:4 already"},
        {"beta", "p:4:5: expected a mapping"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char yaml[1024], text[508];

        snprintf(yaml, sizeof(yaml), KIT_HEAD "grants:\n  - %s\n", cases[i].grant);
        kit_mistake(yaml, text);
        if (strncmp(text, cases[i].mistake, strlen(cases[i].mistake)) != 0)
            fail_msg("%s\n  is said: %s\n  expected: %s", cases[i].grant, text, cases[i].mistake);
    }
}

/* What may go to a partner is asked of the object's labels, size and owner. */
static void test_data_says_what_may_go_there(void **state)
{
    static const struct owner alice = {OWNER_MEMBER, "alice"};
    const struct policy *policy = kit_policy(
        KIT_HEAD "members: {alice: {}}\n"
                 "placement:\n  labels: {class: {values: [public, secret]}}\n"
                 "  sites: {local: {}}\n  rules: [{id: all, copies: {min: 1}}]\n"
                 "grants:\n"
                 "  - partner: beta\n"
                 "    they_store: {bytes: 1GiB, data: \"label.class != 'secret' and object.size < "
                 "1MiB\"}\n"
                 "  - {partner: gamma, they_store: {bytes: 1GiB}}\n"
                 "  - {partner: delta, we_store: {bytes: 1GiB}}\n");
    const struct policy_grant *beta = policy_grant_find(policy, SLICE("beta")),
                              *gamma = policy_grant_find(policy, SLICE("gamma")),
                              *delta = policy_grant_find(policy, SLICE("delta"));
    static const uint8_t public[] = {0}, secret[] = {1};
    struct policy_object object = {.bytes = 1000, .labels = public, .owner = &alice};
    struct text text = {0};

    assert_true(policy_grant_covers(policy, beta, &object));
    object.bytes = 1 << 20;
    assert_false(policy_grant_covers(policy, beta, &object));
    assert_true(policy_grant_covers(policy, gamma, &object));
    object.bytes = 1000;
    object.labels = secret;
    assert_false(policy_grant_covers(policy, beta, &object));
    assert_true(policy_grant_covers(policy, gamma, &object));
    assert_false(policy_grant_covers(policy, delta, &object));
    policy_grant_put_json(beta, &text);
    assert_string_equal(text.data, "{\"we_store\":null,\"they_store\":{\"bytes\":1073741824,"
                                   "\"data\":\"label.class != 'secret' and object.size < "
                                   "1MiB\"}}");
    text_dispose(&text);
    policy_unref(&policy);
}

static void test_a_difference_of_grants_is_told(void **state)
{
    const struct policy *before = granted("  - {partner: beta, we_store: {bytes: 1GiB}}\n"
                                          "  - {partner: same, we_store: {bytes: 1GiB}}\n"
                                          "  - {partner: gone, they_store: {bytes: 5}}\n"),
                        *after = granted("  - {partner: beta, we_store: {bytes: 2GiB, pins: 3}}\n"
                                         "  - {partner: same, we_store: {bytes: 1024MiB}}\n"
                                         "  - {partner: new, they_store: {bytes: 6}}\n");
    struct policy_diff diff;
    struct text text = {0};

    policy_diff(before, after, &diff);
    policy_diff_put(&diff, &text);
    assert_string_equal(text.data,
                        "grants to beta\n  - we store 1 GiB\n  + we store 2 GiB in 3 pins\n"
                        "grants to gone\n  - they store 5 B\ngrants to new\n  + they store 6 B\n");
    text_clear(&text);
    policy_diff_put_json(&diff, &text);
    assert_string_equal(
        text.data,
        "{\"kind\":\"grant\",\"name\":\"beta\",\"before\":{\"we_store\":{\"bytes\":1073741824},"
        "\"they_store\":null},\"after\":{\"we_store\":{\"bytes\":2147483648,\"pins\":3},"
        "\"they_store\":null}}\n"
        "{\"kind\":\"grant\",\"name\":\"gone\",\"before\":{\"we_store\":null,\"they_store\":"
        "{\"bytes\":5}},\"after\":null}\n"
        "{\"kind\":\"grant\",\"name\":\"new\",\"before\":null,\"after\":{\"we_store\":null,"
        "\"they_store\":{\"bytes\":6}}}\n");
    text_dispose(&text);
    policy_diff_dispose(&diff);
    policy_unref(&before);
    policy_unref(&after);
}

/* What a partner stores is limited by its quota and the organization's, and by nobody else's. */
static void test_a_quota_on_a_partner_limits_what_it_stores(void **state)
{
    static const struct owner beta = {OWNER_PARTNER, "beta"}, gamma = {OWNER_PARTNER, "gamma"},
                              member = {OWNER_MEMBER, "beta"};
    const struct policy *policy = kit_policy(
        KIT_HEAD "members: {beta: {}}\nquotas:\n"
                 "  - {id: theirs, scope: \"partner:beta\", stored: {bytes: 100, pins: 2}}\n");
    struct accounts *accounts = accounts_create();
    struct quota_limit limits[ACCOUNTS_LIMITS_MAX];
    struct quota_verdict verdict;

    accounts_put_in_force(accounts, policy);
    policy_unref(&policy);
    assert_int_equal(accounts_limits(accounts, &beta, false, limits), 1);
    assert_string_equal(limits[0].scope, "partner beta");
    assert_true(quota_take(limits, 1, 100, &verdict));
    assert_false(quota_take(limits, 1, 1, &verdict));
    assert_int_equal(accounts_limits(accounts, &beta, true, limits), 1);
    assert_int_equal(limits[0].limit, 2);
    assert_int_equal(accounts_limits(accounts, &gamma, false, limits), 1);
    assert_true(quota_take(limits, 1, 101, &verdict));
    assert_int_equal(accounts_limits(accounts, &member, false, limits), 1);
    assert_true(quota_take(limits, 1, 101, &verdict));
    accounts_destroy(&accounts);
}

/* A partner's rights are those that are bound to it by name, or to all partners. */
static void test_roles_are_bound_to_partners_by_name(void **state)
{
    const struct policy *policy =
        kit_policy(KIT_HEAD "roles: {reader: {allow: [cat]}, lister: {allow: [\"refs\"]}}\n"
                            "bind:\n  - {to: \"partner:beta\", roles: reader}\n"
                            "  - {to: \"partner:*\", roles: lister}\n"
                            "rules: [{id: not-gamma, deny: refs, to: \"partner:gamma\"}]\n");

    kit_expect(policy, "partner:beta", "cat?arg=" CID_RAW, "allow role:reader");
    kit_expect(policy, "partner:beta", "refs?arg=" CID_RAW, "allow role:lister");
    kit_expect(policy, "partner:delta", "refs?arg=" CID_RAW, "allow role:lister");
    kit_expect(policy, "partner:delta", "cat?arg=" CID_RAW, "deny default");
    kit_expect(policy, "partner:gamma", "refs?arg=" CID_RAW, "deny not-gamma");
    kit_expect(policy, "anonymous", "refs?arg=" CID_RAW, "deny default");
    policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grants_are_read_with_their_units),
        cmocka_unit_test(test_who_is_not_named_is_granted_nothing),
        cmocka_unit_test(test_grants_say_what_is_wrong_and_where),
        cmocka_unit_test(test_data_says_what_may_go_there),
        cmocka_unit_test(test_a_difference_of_grants_is_told),
        cmocka_unit_test(test_a_quota_on_a_partner_limits_what_it_stores),
        cmocka_unit_test(test_roles_are_bound_to_partners_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* The section `quotas`: what it says, what it may not say, whom it is about. */
#include "kit.h"

#include "policy/check.h"
#include "policy/quotas.h"

#define PEOPLE                                                                                     \
    KIT_HEAD "groups: {all: {}, staff: {parent: all}, robots: {}}\n"                               \
             "members: {alice: {groups: [staff]}, ci: {groups: [robots]}}\n"                       \
             "roles: {r: {allow: cat}}\nbind: [{to: \"member:*\", roles: r}]\n"                    \
             "quotas:\n"

static void test_quotas_are_read_with_their_units(void **state)
{
    const struct policy *policy = kit_policy(
        PEOPLE "  - {id: z, scope: \"group:staff\", stored: {bytes: 2TiB, pins: 200, soft: 85%}}\n"
               "  - {id: a, scope: each member, upload: {bytes: 50GiB, per: 24h},\n"
               "     egress: {bytes: 1MB, per: 30d}, requests: {rate: 1000/h, burst: 20},\n"
               "     concurrent: 16}\n"
               "  - {id: m, scope: org, stored: {bytes: 10GiB, soft: 9GiB}}\n");
    const struct policy_quota *each = policy_quota(policy, 0), *org = policy_quota(policy, 1),
                              *staff = policy_quota(policy, 2);
    struct text text = {0};

    assert_int_equal(policy_quota_count(policy), 3);
    assert_true(slice_is(each->id, "a") && each->scope == QUOTA_SCOPE_MEMBER);
    assert_int_equal(each->upload.bytes, UINT64_C(50) << 30);
    assert_int_equal(each->upload.per_ms, 86400000);
    assert_int_equal(each->egress.bytes, 1000000);
    assert_int_equal(each->requests.calls, 1000);
    assert_int_equal(each->requests.per_ms, 3600000);
    assert_int_equal(each->requests.burst, 20);
    assert_int_equal(each->concurrent, 16);
    assert_int_equal(each->stored_bytes, 0);
    assert_true(slice_is(org->id, "m") && org->scope == QUOTA_SCOPE_ORG);
    assert_int_equal(org->soft_bytes, UINT64_C(9) << 30);
    assert_int_equal(org->place.line, 12);
    assert_true(slice_is(staff->id, "z") && slice_is(staff->group, "staff"));
    assert_int_equal(staff->stored_pins, 200);
    assert_int_equal(staff->soft_pins, 170);
    assert_int_equal(staff->soft_bytes,
                     (UINT64_C(2) << 40) / 100 * 85 + (UINT64_C(2) << 40) % 100 * 85 / 100);
    policy_quota_put_limits(each, &text);
    assert_string_equal(text.data, "upload 50 GiB per 1d, egress 1000000 B per 30d, 1000 requests "
                                   "per 1h with bursts of 20, 16 at once");
    text_dispose(&text);
    policy_unref(&policy);
}

static void test_quotas_say_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *quota, *mistake;
    } cases[] = {
        {"{id: x, scope: org}", "p:8:5: this quota limits nothing; there are stored"},
        {"{id: x, concurrent: 1}", "p:8:5: 'scope' is missing"},
        {"{scope: org, concurrent: 1}", "p:8:5: 'id' is missing"},
        {"{id: x, scope: all, concurrent: 1}", "p:8:20: 'all' is no scope of a quota; there are"},
        {"{id: x, scope: \"group:stuff\", concurrent: 1}",
         "p:8:20: there is no group 'stuff'; did you mean 'group:staff'?"},
        {"{id: x, scope: \"partner:beta\", concurrent: 1}",
         "p:8:5: a quota on a partner limits what it stores ('stored'), and that alone"},
        {"{id: x, scope: \"partner:beta\", stored: {bytes: 1}, concurrent: 1}",
         "p:8:5: a quota on a partner limits what it stores"},
        {"{id: x, scope: \"partner:Beta\", stored: {bytes: 1}}", "p:8:20: "},
        {"{id: x, scope: each token, stored: {bytes: 1GiB}}",
         "p:8:40: what is stored belongs to members and groups, not to the tokens"},
        {"{id: x, scope: org, stored: {bytes: 0}}", "p:8:41: a limit of 0 bytes is refused"},
        {"{id: x, scope: org, stored: {pins: 0}}", "p:8:40: a limit of 0 pins is refused"},
        {"{id: x, scope: org, concurrent: 0}", "p:8:37: a limit of 0 calls at once is refused"},
        {"{id: x, scope: org, stored: {soft: 10%}}", "p:8:33: say how much: 'bytes', 'pins'"},
        {"{id: x, scope: org, stored: {bytes: 1GiB, soft: 1GiB}}",
         "p:8:53: a soft limit lies below the hard one"},
        {"{id: x, scope: org, stored: {bytes: 1GiB, soft: 100%}}",
         "p:8:53: a soft limit lies below the hard one"},
        {"{id: x, scope: org, stored: {pins: 5, soft: 1GiB}}",
         "p:8:49: a soft limit in bytes needs 'bytes'"},
        {"{id: x, scope: org, stored: {bytes: lots}}", "p:8:41: "},
        {"{id: x, scope: org, upload: {bytes: 1GiB}}", "p:8:33: 'per' is missing"},
        {"{id: x, scope: org, upload: {bytes: 1GiB, per: 10ms}}",
         "p:8:52: a window is 1s to 366d long"},
        {"{id: x, scope: org, requests: {rate: 10/s}}", "p:8:35: 'burst' is missing"},
        {"{id: x, scope: org, requests: {rate: 10, burst: 1}}", "p:8:42: '10' is no rate; write"},
        {"{id: x, scope: org, requests: {rate: 0/s, burst: 1}}", "p:8:42: a rate is 1 to 1000000"},
        {"{id: x, scope: org, request: {rate: 0/s, burst: 1}}", "p:8:25: "},
        {"{id: x, scope: org, concurrent: 1}\n  - {id: x, scope: org, concurrent: 2}", "p:9:10: "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char yaml[2048], text[508];

        snprintf(yaml, sizeof(yaml), "%s  - %s\n", PEOPLE, cases[i].quota);
        kit_mistake(yaml, text);
        if (strncmp(text, cases[i].mistake, strlen(cases[i].mistake)) != 0)
            fail_msg("%s\n  is said: %s\n  expected: %s", cases[i].quota, text, cases[i].mistake);
    }
}

#define MANY                                                                                       \
    PEOPLE "  - {id: everybody, scope: org, concurrent: 9}\n"                                      \
           "  - {id: each, scope: each member, concurrent: 8}\n"                                   \
           "  - {id: of-all, scope: \"group:all\", concurrent: 7}\n"                               \
           "  - {id: robots, scope: \"group:robots\", concurrent: 6}\n"                            \
           "  - {id: token, scope: each token, concurrent: 5}\n"                                   \
           "  - {id: ours, scope: \"partner:beta\", stored: {bytes: 4}}\n"

static void test_quotas_apply_to_groups_and_those_above_them(void **state)
{
    const struct policy *policy = kit_policy(MANY);
    static const struct {
        const char *who, *token, *quotas;
    } cases[] = {
        {"alice", "x", "each everybody of-all token "},
        {"alice", "", "each everybody of-all "},
        {"ci", "x", "each everybody robots token "},
        {"anonymous", "", "everybody "},
        {"operator:root", "", ""},
        {"partner:beta", "", "everybody ours "},
        {"partner:gamma", "", "everybody "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct principal principal = kit_principal(cases[i].who);
        struct text text = {0};

        principal.token_id = slice_of(cases[i].token);
        for (size_t q = 0; q < policy_quota_count(policy); q++)
            if (policy_quota_applies(policy, policy_quota(policy, q), &principal))
                text_put_format(&text, "%.*s ", SLICE_ARGS(policy_quota(policy, q)->id));
        assert_string_equal(text.size > 0 ? text.data : "", cases[i].quotas);
        text_dispose(&text);
    }
    policy_unref(&policy);
}

static void run_check(const char *yaml, struct text *out)
{
    const struct policy *policy = kit_policy(yaml);
    struct findings findings = {0};
    struct policy_test_counts counts;

    policy_check(policy, 0, NULL, &findings, &counts);
    for (size_t i = 0; i < findings.count; i++) {
        finding_put(&findings.items[i], out);
        text_put_char(out, '\n');
    }
    findings_dispose(&findings);
    policy_unref(&policy);
}

static void test_quotas_are_checked_by_the_files_own_tests(void **state)
{
    struct text out = {0};

    run_check(MANY "tests:\n  - {as: alice, quotas: [each, everybody, of-all, token]}\n"
                   "  - {as: anonymous, quotas: everybody}\n",
              &out);
    assert_null(strstr(out.data, "error"));
    text_clear(&out);
    run_check(MANY "tests:\n  - {as: ci, quotas: [each, everybody, of-all, token]}\n", &out);
    assert_non_null(strstr(out.data,
                           "member:ci: the quota 'of-all' (policy.yaml:10) does not apply, "
                           "but the test does name it"));
    assert_non_null(strstr(out.data, "member:ci: the quota 'robots' (policy.yaml:11) applies, but "
                                     "the test does not name it"));
    text_dispose(&out);
}

static void test_quotas_that_never_decide_are_noted(void **state)
{
    static const struct {
        const char *quotas, *note;
    } cases[] = {
        {"  - {id: a, scope: org, stored: {bytes: 1GiB}}\n"
         "  - {id: b, scope: each member, stored: {bytes: 2GiB}}\n",
         "note: the quota 'b' never decides on stored bytes: 'a' (line 8)"},
        {"  - {id: a, scope: \"group:all\", concurrent: 5}\n"
         "  - {id: b, scope: \"group:staff\", concurrent: 6}\n",
         "note: the quota 'b' never decides on concurrent"},
        {"  - {id: a, scope: \"group:staff\", concurrent: 5}\n"
         "  - {id: b, scope: each member, concurrent: 6}\n",
         "note: one member of the group 'staff' can use up all that the group has"},
        {"  - {id: a, scope: org, concurrent: 5}\n", "note: no quota limits the bytes"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out = {0}, yaml = {0};

        text_put_format(&yaml, "%s%s", PEOPLE, cases[i].quotas);
        run_check(yaml.data, &out);
        if (out.data == NULL || strstr(out.data, cases[i].note) == NULL)
            fail_msg("%s\nfinds\n%s", cases[i].quotas, out.data != NULL ? out.data : "nothing");
        text_dispose(&out);
        text_dispose(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotas_are_read_with_their_units),
        cmocka_unit_test(test_quotas_say_what_is_wrong_and_where),
        cmocka_unit_test(test_quotas_apply_to_groups_and_those_above_them),
        cmocka_unit_test(test_quotas_are_checked_by_the_files_own_tests),
        cmocka_unit_test(test_quotas_that_never_decide_are_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

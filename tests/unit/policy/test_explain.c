// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "policy/explain.h"

#include <jansson.h>

#define HOUSE                                                                                      \
    KIT_HEAD                                                                                       \
    "members: {alice: {groups: [staff]}, bob: {}, old: {expires: 2020-01-01}}\n"                   \
    "groups: {staff: {}}\n"                                                                        \
    "roles:\n"                                                                                     \
    "  reader: {allow: [cat], rights: [read-any]}\n"                                               \
    "  writer: {inherits: reader, allow: [{command: pin/add, where: \"len(args) < 3\"}]}\n"        \
    "  night: {allow: add}\n"                                                                      \
    "bind:\n"                                                                                      \
    "  - {to: \"group:staff\", roles: writer}\n"                                                   \
    "  - {to: \"member:bob\", roles: night, when: \"time.hour in 0..5\"}\n"                        \
    "rules:\n"                                                                                     \
    "  - {id: shape, deny: pin/add, when: \"opt.recursive == false and len(args) > 0\"}\n"         \
    "  - {id: guests, allow: cat, to: anonymous}\n"                                                \
    "  - {id: trial, mode: report, deny: cat}\n"

/* What policy can prints, or its JSON. */
static struct text explain(const char *yaml, const char *who, const char *target, unsigned pending,
                           bool json)
{
    const struct policy *policy = kit_policy(yaml);
    struct principal principal = kit_principal(who);
    struct policy_request request = {.now_ms = UINT64_C(1778075100000), /* 2026-05-06T13:45Z */
                                     .content_length = -1,
                                     .pending = pending};
    struct explanation explanation;
    struct text out = {0};
    struct call *call;

    if (pending != 0)
        call = call_create(catalogue_find(slice_of(target))->id);
    else
        call = kit_call(target);
    policy_explain(policy, &principal, call, &request, &explanation);
    if (json)
        explanation_put_json(&explanation, policy, &principal, call, &out);
    else
        explanation_put(&explanation, policy, &principal, call, &out);
    explanation_dispose(&explanation);
    call_destroy(&call);
    policy_unref(&policy);
    return out;
}

static void test_explain_says_what_decided_and_what_came_near(void **state)
{
    static const struct {
        const char *who, *target;
        unsigned pending;
        const char *lines[6]; /* each one whole or its beginning, the first one first */
    } cases[] = {
        {"alice",
         "cat?arg=" CID_RAW,
         0,
         {"allow: cat, by role:reader (policy.yaml:6)\n", "  with the rights read-any\n",
          "  role 'reader' (policy.yaml:6) holds\n",
          "  deny rule 'trial' (policy.yaml:15), report only holds\n",
          "  allow rule 'guests' (policy.yaml:14) is not meant for the caller\n"}},
        {"alice",
         "pin/add?arg=" CID_RAW "&recursive=true",
         0,
         {"allow: pin/add, by role:writer (policy.yaml:7), since len(args) < 3\n",
          "  role 'writer' (policy.yaml:7) holds: len(args) < 3  [len(args) is 1]\n",
          "  deny rule 'shape' (policy.yaml:13) does not hold: opt.recursive == false  "
          "[opt.recursive is "}},
        {"alice",
         "pin/add?arg=" CID_RAW "&recursive=false",
         0,
         {"deny: pin/add is denied to member:alice by the rule 'shape' (policy.yaml:13); who runs "
          "this gateway can change the rule\n",
          "  deny rule 'shape' (policy.yaml:13) holds: opt.recursive == false and len(args) > 0  "
          "[opt.recursive is false, len(args) is 1]\n"}},
        {"alice",
         "pin/add?arg=" CID_RAW, /* what is missing does not allow, and denies */
         0,
         {"deny: pin/add is denied to member:alice by the rule 'shape'",
          "  deny rule 'shape' (policy.yaml:13) holds: opt.recursive == false  [opt.recursive is "
          "missing]\n"}},
        {"alice",
         "pin/add",
         PENDING_ARGUMENTS,
         {"allow: pin/add, by role:writer (policy.yaml:7)",
          "  role 'writer' (policy.yaml:7) depends on the arguments: len(args) < 3"}},
        {"bob",
         "add",
         0,
         {"deny: add is denied: nothing in the policy of this gateway allows it to member:bob; who "
          "runs it can bind a role that does\n",
          "  binding to 'night' (policy.yaml:11) does not hold: time.hour in 0..5  [time.hour is "
          "13]\n"}},
        {"bob",
         "cat?arg=" CID_RAW,
         0,
         {"deny: cat is denied: nothing", "  role 'reader' (policy.yaml:6) allows it, and is not "
                                          "bound to the caller\n"}},
        {"anonymous",
         "cat?arg=" CID_RAW,
         0,
         {"allow: cat, by guests (policy.yaml:14)\n", "  allow rule 'guests' (policy.yaml:14) "
                                                      "holds\n"}},
        {"nobody",
         "cat?arg=" CID_RAW,
         0,
         {"deny: cat is denied: the policy of this gateway knows no member 'nobody'"}},
        {"old",
         "cat?arg=" CID_RAW,
         0,
         {"deny: cat is denied: the membership of 'old' has expired"}},
        {"alice", "shutdown", 0, {"deny: shutdown is not available: "}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out = explain(HOUSE, cases[i].who, cases[i].target, cases[i].pending, false);

        if (strncmp(out.data, cases[i].lines[0], strlen(cases[i].lines[0])) != 0)
            fail_msg("%s %s:\n%s", cases[i].who, cases[i].target, out.data);
        for (size_t n = 1; n < ARRAY_SIZE(cases[i].lines) && cases[i].lines[n] != NULL; n++)
            if (strstr(out.data, cases[i].lines[n]) == NULL)
                fail_msg("%s %s: '%s' is missing in\n%s", cases[i].who, cases[i].target,
                         cases[i].lines[n], out.data);
        text_dispose(&out);
    }
}

static void test_explain_says_that_a_policy_on_trial_blocks_nothing(void **state)
{
    struct text out = explain(KIT_HEAD "mode: report\nmembers: {alice: {}}\n", "alice",
                              "cat?arg=" CID_RAW, 0, false);

    (void)state;
    assert_ptr_equal(strstr(out.data, "allow: cat is denied: nothing"), out.data);
    assert_non_null(strstr(out.data, "; but the policy says mode: report, and blocks nothing\n"));
    text_dispose(&out);
}

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    if (value == NULL)
        fail_msg("no %s", name);
    return value;
}

static void test_explain_json_says_the_same(void **state)
{
    struct text out = explain(HOUSE, "alice", "pin/add?arg=" CID_RAW "&recursive=false", 0, true);
    json_t *json = json_loadb(out.data, out.size, 0, NULL);
    const json_t *first;

    (void)state;
    assert_non_null(json);
    assert_null(memchr(out.data, '\n', out.size));
    assert_string_equal(member(json, "decision"), "deny");
    assert_true(json_is_true(json_object_get(json, "final")));
    assert_true(json_is_false(json_object_get(json, "report_only")));
    assert_string_equal(member(json, "cause"), "rule");
    assert_string_equal(member(json, "by"), "shape");
    assert_string_equal(member(json, "principal"), "member:alice");
    assert_string_equal(member(json, "command"), "pin/add");
    assert_string_equal(member(json, "file"), "policy.yaml");
    assert_int_equal(json_integer_value(json_object_get(json, "line")), 13);
    assert_non_null(strstr(member(json, "reason"), "'shape' (policy.yaml:13)"));
    assert_int_equal(strlen(member(json, "policy")), POLICY_HASH_SIZE - 1);
    first = json_array_get(json_object_get(json, "considered"), 0);
    assert_string_equal(member(first, "what"), "deny");
    assert_string_equal(member(first, "state"), "holds");
    assert_string_equal(member(first, "id"), "shape");
    assert_string_equal(member(first, "values"), "opt.recursive is false, len(args) is 1");
    json_decref(json);
    text_dispose(&out);
}

/* The explanation's decision is the one that is enforced. */
static void test_explain_decides_as_the_gateway_does(void **state)
{
    static const char *const who[] = {"alice", "bob", "old", "nobody", "anonymous", "partner:beta"};
    static const char *const targets[] = {"cat?arg=" CID_RAW,
                                          "pin/add?arg=" CID_RAW,
                                          "add",
                                          "pin/add?arg=" CID_RAW "&recursive=false",
                                          "shutdown",
                                          "key/gen?arg=a"};
    const struct policy *policy = kit_policy(HOUSE);
    const struct policy_request request = {.now_ms = UINT64_C(1778075100000), .content_length = -1};

    (void)state;
    for (size_t w = 0; w < ARRAY_SIZE(who); w++)
        for (size_t t = 0; t < ARRAY_SIZE(targets); t++) {
            struct principal principal = kit_principal(who[w]);
            struct decision decision = kit_decide(policy, &principal, targets[t], &request);
            struct text out = explain(HOUSE, who[w], targets[t], 0, false);

            if (decision.is_allowed != (strncmp(out.data, "allow: ", 7) == 0))
                fail_msg("%s %s: %s", who[w], targets[t], out.data);
            text_dispose(&out);
        }
    policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explain_says_what_decided_and_what_came_near),
        cmocka_unit_test(test_explain_says_that_a_policy_on_trial_blocks_nothing),
        cmocka_unit_test(test_explain_json_says_the_same),
        cmocka_unit_test(test_explain_decides_as_the_gateway_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

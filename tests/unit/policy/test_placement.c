// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "policy/check.h"
#include "policy/expression.h"
#include "policy/placement.h"

#define PEOPLE                                                                                     \
    KIT_HEAD "members: {alice: {groups: [lab]}, bob: {}}\n"                                        \
             "groups: {staff: {}, lab: {parent: staff}}\n"                                         \
             "roles: {r: {allow: add}}\nbind: [{to: \"member:*\", roles: r}]\n"
#define SITES                                                                                      \
    "  sites:\n"                                                                                   \
    "    local: {attributes: {country: DE, city: berlin, racks: 2}}\n"                             \
    "    beta: {attributes: {country: FR, city: paris, racks: 3}}\n"                               \
    "    gamma: {attributes: {country: FR, city: lyon, racks: 3}}\n"
#define LABELS                                                                                     \
    "  labels:\n"                                                                                  \
    "    class: {values: [public, internal, secret], give: [{to: \"group:staff\", value: "         \
    "internal}, {to: \"member:bob\", value: secret}]}\n"                                           \
    "    project: {values: [none, moon]}\n"
#define HEAD    PEOPLE "placement:\n" LABELS SITES
#define RULE(x) HEAD "  rules:\n    - {id: a, copies: {min: 1}, " x "}\n"

/* What is said of it, from the place on. Lines: the rules begin in the 17th. */
static void test_placement_says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *yaml, *error;
    } cases[] = {
        {HEAD "  rule: []\n", "p:15:3: 'rule' is not known here; did you mean 'rules'?"},
        {PEOPLE "placement: {sites: {beta: {}}}\n", "p:7:12: the site 'local' is missing"},
        {PEOPLE "placement: {sites: {local: {attributes: {free: 1}}}}\n",
         "p:7:42: site.free is what is observed"},
        {PEOPLE "placement: {sites: {local: {attributes: {id: x}}}}\n", "p:7:42: site.id is what"},
        {PEOPLE "placement: {sites: {local: {attributes: {a: x}}, b: {attributes: {a: 1}}}}\n",
         "p:7:70: 'a' is a number here, but a text in p:7"},
        {PEOPLE "placement: {labels: {class: {values: [a, a]}}, sites: {local: {}}}\n",
         "p:7:42: the value 'a' stands here twice"},
        {PEOPLE "placement: {labels: {class: {values: [open, shut], give: [{to: anonymous, value: "
                "open}]}}, sites: {local: {}}}\n",
         "p:7:64: labels are given to what members and groups own"},
        {PEOPLE "placement: {labels: {class: {values: [open, shut], give: [{to: \"*\", value: "
                "opn}]}}, sites: {local: {}}}\n",
         "p:7:76: 'opn' is no value of the label 'class'; did you mean 'open'?"},

        {RULE("filter: \"site.free > 5\", spred: {}"), "p:16:58: 'spred' is not known here; did"},
        {HEAD "  rules: [{id: a, copies: {min: 3, want: 2}}]\n",
         "p:15:42: fewer copies are wanted than there must be"},
        {HEAD "  rules: [{id: a, copies: {min: 1, want: 2, wait: 3}}]\n",
         "p:15:51: calls would wait for more copies than are wanted"},
        {HEAD "  rules: [{id: a, copies: {min: 1, wait: 0}}]\n", "p:15:42: copies: 1 to 32"},
        {HEAD "  rules: [{id: a, copies: {min: 0}}]\n", "p:15:33: copies: 1 to 32"},
        {HEAD "  rules: [{id: a, copies: {min: 1}}, {id: b, copies: {min: 1}}]\n",
         "p:15:43: the rules 'a' and 'b' have one priority, 0"},
        {HEAD "  rules: [{id: a, copies: {min: 1}}, {id: a, priority: 1, copies: {min: 1}}]\n",
         "p:15:43: the placement rule 'a' "},

        {RULE("for: \"site.id == 'beta'\""), "p:16:39: which objects a rule is for does not"},
        {RULE("filter: \"site.contry == 'DE'\""), "p:16:47: there is no site.contry; did you "},
        {RULE("filter: \"site.country == 'de'\""),
         "p:16:58: no site has the country 'de', but one has 'DE': case counts"},
        {RULE("filter: \"site.country in ['fr', 'DE']\""), "p:16:58: no site has the country 'fr'"},
        {RULE("filter: \"site.id == 'bata'\""), "p:16:53: there is no site 'bata'; did you mean "},
        {RULE("filter: \"site.country == 5\""), "p:16:58: a text cannot be compared with a number"},
        {RULE("filter: \"label.class == 'secrt'\""),
         "p:16:57: 'secrt' is no value of the label 'class'; did you mean 'secret'?"},
        {RULE("filter: \"label.class == label.project\""), "p:16:57: a label is compared with its"},
        {RULE("filter: \"label.clas == 'secret'\""), "p:16:48: there is no label.clas; did you "},
        {RULE("filter: \"opt.recursive\""), "p:16:42: 'opt' is not known in placement; "},
        {RULE("filter: \"site.free\""), "p:16:42: a condition has to stand here, and this is a n"},
        {RULE("filter: \"site.free > site.load\""), "p:16:54: a number cannot be compared with a "},
        {RULE("filter: \"site.load > 5\""), "p:16:54: a ratio cannot be compared with a number"},
        {RULE("filter: \"site.load > 120%\""), "p:16:54: '120%' is no ratio: write 0% to 100%"},
        {RULE("filter: \"site.free > 2 * site.load\""), "p:16:58: '*' does not take a number and "},
        {RULE("filter: \"site.free > site.id * 2\""), "p:16:54: '*' takes numbers, and this is a "},
        {RULE("filter: \"'lub' in owner.groups\""), "p:16:42: there is no group 'lub'; did you m"},

        {RULE("score: [{value: \"object.size\", weight: 1}]"),
         "p:16:49: a score is of a site alone"},
        {RULE("score: [{value: \"site.free\", weight: 1}]"), "p:16:41: 'worst' is missing here"},
        {RULE("score: [{value: \"site.free\", weight: 1, worst: 1GiB, best: 1GiB}]"),
         "p:16:92: between 'worst' and 'best' must be something"},
        {RULE("score: [{value: \"site.rtt\", weight: 1, worst: 1GiB, best: 0s}]"), "p:16:79: "},
        {RULE("score: [{value: \"site.healthy\", weight: 1, best: 1}]"),
         "p:16:41: a condition is worth all or nothing"},
        {RULE("score: [{value: \"site.id\", weight: 1}]"), "p:16:50: a number, size, duration, "},
        {RULE("score: [{value: \"site.load\", weight: 0}]"), "p:16:70: a weight: 1 to 1000"},

        {RULE("spread: {town: 1}"), "p:16:42: there is no attribute of sites 'town'"},
        {RULE("spread: {country: 0}"), "p:16:51: copies in one domain: 1 to 32"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[508];

        kit_mistake(cases[i].yaml, text);
        if (strncmp(text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s\n  is said: %s\n  expected: %s\n", cases[i].yaml, text, cases[i].error);
    }
}

static void test_placement_refuses_spread_domains_that_cross(void **state)
{
    static const char crossing[] =
        PEOPLE "placement:\n"
               "  sites:\n"
               "    local: {attributes: {country: DE, vendor: own}}\n"
               "    beta: {attributes: {country: DE, vendor: acme}}\n"
               "    gamma: {attributes: {country: FR, vendor: acme}}\n"
               "  rules:\n"
               "    - {id: a, copies: {min: 1}, spread: {country: 1, vendor: 1}}\n";
    char text[508];

    (void)state;
    kit_mistake(crossing, text);
    assert_non_null(strstr(text, "p:13:54: 'country' and 'vendor' cross: 'beta' and 'local' share "
                                 "the country but not the vendor, 'beta' and 'gamma' the vendor "
                                 "but not the country"));
    kit_mistake(PEOPLE "placement:\n"
                       "  sites: {local: {attributes: {country: DE}}, beta: {}}\n"
                       "  rules: [{id: a, copies: {min: 1}, spread: {country: 1}}]\n",
                text);
    assert_non_null(strstr(text, "the site 'beta' (line 8) has no single 'country'"));
}

static void test_placement_rules_stand_by_priority_whatever_their_order(void **state)
{
    const struct policy *policy =
        kit_policy(HEAD "  rules:\n"
                        "    - {id: low, copies: {min: 1, want: 2}}\n"
                        "    - {id: top, priority: 7, copies: {min: 3}, spread: {country: 2, city: "
                        "1}, prefer: [site.healthy, \"site.racks > 2\"]}\n"
                        "    - {id: middle, priority: 5, copies: {min: 1}, filter: \"site.healthy "
                        "and site.free > object.size and site.country == 'FR'\"}\n");
    const struct policy_placement_rule *rule = policy_placement(policy, 0);

    (void)state;
    assert_true(policy_has_placement(policy));
    assert_int_equal(policy_placement_count(policy), 3);
    assert_true(slice_is(rule->id, "top"));
    assert_int_equal(rule->want, 3);
    assert_int_equal(rule->cap_count, 2);
    assert_int_equal(rule->prefer_count, 2);
    rule = policy_placement(policy, 1);
    assert_true(slice_is(rule->id, "middle"));
    assert_int_equal(rule->part_count, 3);
    assert_int_equal(rule->parts[0].uses, USES_SITE | USES_SEEN);
    assert_int_equal(rule->parts[1].uses, USES_SITE | USES_SEEN | USES_OBJECT);
    assert_int_equal(rule->parts[2].uses, USES_SITE);
    assert_true(slice_is(rule->parts[1].text, "site.free > object.size"));
    assert_true(slice_is(policy_placement(policy, 2)->id, "low"));
    policy_unref(&policy);
}

/* ---- labels */

static const char *labelled(const struct policy *policy, enum owner_kind kind, const char *id,
                            const char *token, const char *request)
{
    static char said[600];
    struct owner owner = {.kind = kind};
    struct policy_object object = {.owner = &owner};
    uint8_t labels[POLICY_LABELS_MAX];
    struct error err = {0};

    snprintf(owner.id, sizeof(owner.id), "%s", id);
    if (!policy_label_object(policy, &object, slice_of(token), slice_of(request), labels, &err)) {
        snprintf(said, sizeof(said), "%s", err.text);
        return said;
    }
    said[0] = '\0';
    for (size_t i = 0; i < policy_label_count(policy); i++)
        snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%.*s=%.*s", i > 0 ? " " : "",
                 SLICE_ARGS(policy_label(policy, i)),
                 SLICE_ARGS(policy_label_value(policy, i, labels[i])));
    return said;
}

static void test_placement_gives_each_object_its_tightest_labels(void **state)
{
    static const struct {
        enum owner_kind kind;
        const char *id, *token, *request, *labels;
    } cases[] = {
        {OWNER_MEMBER, "alice", "", "", "class=internal project=none"}, /* by lab's parent */
        {OWNER_GROUP, "lab", "", "", "class=internal project=none"},
        {OWNER_GROUP, "other", "", "", "class=public project=none"},
        {OWNER_MEMBER, "bob", "", "", "class=secret project=none"},
        {OWNER_OPERATOR, "root", "", "", "class=public project=none"},
        {OWNER_MEMBER, "alice", "class=secret", "", "class=secret project=none"},
        {OWNER_MEMBER, "alice", "class=public", "", "class=internal project=none"},
        {OWNER_MEMBER, "alice", "", "project=moon,class=secret", "class=secret project=moon"},
        {OWNER_MEMBER, "alice", "", "class=internal", "class=internal project=none"},
        {OWNER_MEMBER, "alice", "", "class=public",
         "class=public is looser than internal, which policy and token give; a request may only be "
         "tighter"},
        {OWNER_MEMBER, "alice", "class=secret", "class=internal",
         "class=internal is looser than secret, which policy and token give; a request may only be "
         "tighter"},
        {OWNER_MEMBER, "alice", "", "clas=secret",
         "there is no label 'clas' in the policy; did you mean 'class'?"},
        {OWNER_MEMBER, "alice", "", "class=top",
         "'top' is no value of the label 'class'; there are: public, internal, secret"},
        {OWNER_MEMBER, "alice", "", "secret",
         "'secret' is no label; write NAME=VALUE, such as class=secret"},
    };
    const struct policy *policy = kit_policy(HEAD);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(
            labelled(policy, cases[i].kind, cases[i].id, cases[i].token, cases[i].request),
            cases[i].labels);
    policy_unref(&policy);
}

/* ---- conditions */

/* Of a rule's filter; site beta: 100 bytes free, 20% load, rtt 30 ms, all else not observed. The
 * object has 40 bytes, is of alice, internal. */
static enum truth filter_truth(const char *filter)
{
    const struct owner owner = {.kind = OWNER_MEMBER, .id = "alice"};
    const uint8_t labels[POLICY_LABELS_MAX] = {1};
    const struct policy_object object = {
        .bytes = 40, .codec = 0x70, .labels = labels, .owner = &owner};
    struct policy_seen_values seen = {.has = 1 << SEEN_FREE | 1 << SEEN_LOAD | 1 << SEEN_RTT};
    struct slice groups[POLICY_OWNER_GROUPS_MAX];
    struct expression_facts facts = {.object = &object, .owner_groups = groups, .seen = &seen};
    const struct policy *policy;
    enum truth truth;
    char yaml[2000];

    seen.values[SEEN_FREE] = 100;
    seen.values[SEEN_LOAD] = 200000;
    seen.values[SEEN_RTT] = 30000000;
    snprintf(yaml, sizeof(yaml), RULE("filter: \"%s\""), filter);
    policy = kit_policy(yaml);
    facts.site = policy_site_facts(policy, policy_site_find(policy, SLICE("beta")));
    facts.owner_group_count = policy_owner_groups(policy, &owner, groups, ARRAY_SIZE(groups));
    truth = expression_evaluate(policy_placement(policy, 0)->filter, &facts);
    policy_unref(&policy);
    return truth;
}

static void test_placement_conditions_ask_for_object_owner_label_and_site(void **state)
{
    static const struct {
        const char *filter;
        enum truth truth;
    } cases[] = {
        {"object.size == 40", TRUTH_TRUE},
        {"object.codec == 'dag-pb'", TRUTH_TRUE},
        {"object.codec in ['raw', 'dag-cbor']", TRUTH_FALSE},
        {"owner.id == 'alice'", TRUTH_TRUE},
        {"'staff' in owner.groups", TRUTH_TRUE},
        {"label.class == 'internal'", TRUTH_TRUE},
        {"label.class >= 'internal'", TRUTH_TRUE},
        {"label.class > 'internal'", TRUTH_FALSE},
        {"label.class in ['internal', 'secret']", TRUTH_TRUE},
        {"label.project == 'moon'", TRUTH_FALSE},
        {"site.id == 'beta'", TRUTH_TRUE},
        {"site.country in ['FR', 'IT']", TRUTH_TRUE},
        {"site.country like 'F*'", TRUTH_TRUE},
        {"site.racks == 3", TRUTH_TRUE},
        {"site.free > 2 * object.size", TRUTH_TRUE},
        {"site.free > 2 * object.size + 20", TRUTH_FALSE},
        {"site.free - object.size >= 60", TRUTH_TRUE},
        {"site.free - 2 * object.size + 1 == 21", TRUTH_TRUE},
        {"(site.free - object.size) * 2 == 120", TRUTH_TRUE},
        {"site.free * 9000000000000000000 > 0", TRUTH_UNKNOWN}, /* too large for a number */
        {"site.load <= 20%", TRUTH_TRUE},
        {"site.load in 10%..30%", TRUTH_TRUE},
        {"site.load + 5% == 25%", TRUTH_TRUE},
        {"site.rtt < 50ms", TRUTH_TRUE},
        {"site.rtt + 30ms < 50ms", TRUTH_FALSE},
        {"site.healthy", TRUTH_UNKNOWN},
        {"has(site.healthy)", TRUTH_FALSE},
        {"site.capacity > 5 or site.racks > 2", TRUTH_TRUE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (filter_truth(cases[i].filter) != cases[i].truth)
            fail_msg("%s is %d", cases[i].filter, (int)filter_truth(cases[i].filter));
}

/* ---- check */

static bool is_found(const char *yaml, const char *text)
{
    const struct policy *policy = kit_policy(yaml);
    struct policy_test_counts counts;
    struct findings findings = {0};
    bool result = false;

    policy_check(policy, 0, NULL, &findings, &counts);
    for (size_t i = 0; i < findings.count; i++)
        result = result || strstr(findings.items[i].text, text) != NULL;
    findings_dispose(&findings);
    policy_unref(&policy);
    return result;
}

static void test_placement_check_finds_rules_that_cannot_do_what_they_say(void **state)
{
    static const char covered[] = HEAD
        "  rules:\n    - {id: all, priority: 1, copies: {min: 1}}\n    - {id: b, copies: {min: "
        "1}}\n";

    (void)state;
    assert_true(is_found(covered, "the rule 'b' is for nothing: 'all' (line 16) is for every"));
    assert_true(is_found(RULE("filter: \"site.country == 'DE' and site.country == 'FR'\""),
                         "this can never hold, so no site may have a copy"));
    assert_true(is_found(HEAD
                         "  rules: [{id: a, copies: {min: 2, want: 3}, spread: {country: 1}}]\n",
                         "wants 3 copies, at least 2, and never finds places for more than 2"));
    assert_false(is_found(HEAD "  rules: [{id: a, copies: {min: 2, want: 3}, spread: {city: 1}}]\n",
                          "never finds places"));
    assert_true(is_found(HEAD, "no rule asks for the attribute 'racks' of sites"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_says_what_is_wrong_and_where),
        cmocka_unit_test(test_placement_refuses_spread_domains_that_cross),
        cmocka_unit_test(test_placement_rules_stand_by_priority_whatever_their_order),
        cmocka_unit_test(test_placement_gives_each_object_its_tightest_labels),
        cmocka_unit_test(test_placement_conditions_ask_for_object_owner_label_and_site),
        cmocka_unit_test(test_placement_check_finds_rules_that_cannot_do_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

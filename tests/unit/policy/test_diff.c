// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "policy/diff.h"

#define HOUSE                                                                                      \
    KIT_HEAD                                                                                       \
    "members: {alice: {groups: [staff]}, bob: {groups: [staff]}, carol: {groups: [guests]}}\n"     \
    "groups: {staff: {}, guests: {}}\n"                                                            \
    "roles: {reader: {allow: [cat, ls]}, writer: {inherits: reader, allow: [add]}}\n"              \
    "bind: [{to: \"group:staff\", roles: writer}, {to: \"group:guests\", roles: reader}]\n"

static struct text diff(const char *before, const char *after, bool json)
{
    const struct policy *first = kit_policy(before), *second = kit_policy(after);
    struct policy_diff diff;
    struct text out = {0};

    policy_diff(first, second, &diff);
    text_put_text(&out, "");
    if (json)
        policy_diff_put_json(&diff, &out);
    else
        policy_diff_put(&diff, &out);
    policy_diff_dispose(&diff);
    policy_unref(&first);
    policy_unref(&second);
    return out;
}

/* before with `from` replaced by `to`, once. */
static char *changed(const char *before, const char *from, const char *to)
{
    const char *at = strstr(before, from);
    struct text out = {0};

    assert_non_null(at);
    text_put(&out, before, (size_t)(at - before));
    text_put_text(&out, to);
    text_put_text(&out, at + strlen(from));
    return out.data;
}

static void test_diff_tells_what_changes_for_whom(void **state)
{
    static const struct {
        const char *from, *to, *told;
    } cases[] = {
        {"[cat, ls]", "[ls, cat]", "no rights change\n"},
        {"allow: [add]", "allow: [add, pin/add]",
         "role:writer\n  + pin/add                  denied -> allowed\n"
         "group:staff\n  + pin/add                  denied -> allowed\n"
         "member:alice, bob\n  + pin/add                  denied -> allowed\n"},
        {"allow: [add]", "allow: [{command: add, where: \"opt.pin\"}]",
         "role:writer\n  - add                      allowed -> conditional\n"
         "group:staff\n  - add                      allowed -> conditional\n"
         "member:alice, bob\n  - add                      allowed -> conditional\n"},
        {"[guests]", "[guests, staff]",
         "member:carol\n  + add                      denied -> allowed\n"},
        {", carol: {groups: [guests]}", "",
         "member:carol\n  - cat                      allowed -> denied\n"
         "  - ls                       allowed -> denied\n"},
        {"carol: {", "dora: {groups: [staff]}, carol: {",
         "member:dora\n  + add                      denied -> allowed\n"
         "  + cat                      denied -> allowed\n"
         "  + ls                       denied -> allowed\n"},
        {"allow: [cat, ls]}", "allow: [cat, ls], rights: [read-any]}",
         "role:reader\n  + right read-any           denied -> allowed\n"
         "role:writer\n  + right read-any           denied -> allowed\n"
         "group:guests\n  + right read-any           denied -> allowed\n"
         "group:staff\n  + right read-any           denied -> allowed\n"
         "member:alice, bob\n  + right read-any           denied -> allowed\n"
         "member:carol\n  + right read-any           denied -> allowed\n"},
        {"bind: [", "rules: [{id: x, allow: cat, to: anonymous}]\nbind: [",
         "anonymous\n  + cat                      denied -> allowed\n"},
        {"bind: [", "rules: [{id: x, deny: ls, to: \"member:carol\"}]\nbind: [",
         "member:carol\n  - ls                       allowed -> denied\n"},
        {"bind: [", "bind: [{to: \"partner:beta\", roles: reader}, ",
         "partner:beta\n  + cat                      denied -> allowed\n"
         "  + ls                       denied -> allowed\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *after = changed(HOUSE, cases[i].from, cases[i].to);
        struct text out = diff(HOUSE, after, false), back = diff(after, HOUSE, false);

        if (strcmp(out.data, cases[i].told) != 0)
            fail_msg("%s:\n%s", cases[i].to, out.data);
        /* the way back changes as much */
        assert_int_equal(strcmp(back.data, "no rights change\n") == 0,
                         strcmp(out.data, "no rights change\n") == 0);
        text_dispose(&out);
        text_dispose(&back);
        free(after);
    }
}

static void test_diff_tells_of_conditions_that_change(void **state)
{
    static const char before[] = HOUSE "rules: [{id: x, deny: cat, when: \"len(args) > 5\"}]\n";
    char *after = changed(before, "> 5", "> 6");
    struct text out = diff(before, after, false);

    (void)state;
    assert_non_null(strstr(out.data, "member:alice, bob\n  ~ cat                      "
                                     "conditions change\n"));
    text_dispose(&out);
    free(after);
}

static void test_diff_names_a_few_of_many_members(void **state)
{
    struct text before = {0};
    struct text out;
    char *after;

    (void)state;
    text_put_text(&before, KIT_HEAD "roles: {r: {allow: cat}}\n"
                                    "bind: [{to: \"member:*\", roles: r}]\nmembers:\n");
    for (int i = 0; i < 20; i++)
        text_put_format(&before, "  m%02d: {}\n", i);
    after = changed(before.data, "allow: cat", "allow: [cat, ls]");
    out = diff(before.data, after, false);
    assert_non_null(strstr(out.data, "member:m00, m01, m02, m03, m04, m05, m06, m07 and 12 more\n"
                                     "  + ls"));
    text_dispose(&out);
    text_dispose(&before);
    free(after);
}

static void test_diff_json_has_a_line_for_every_name_and_change(void **state)
{
    char *after = changed(HOUSE, "allow: [add]", "allow: [add, pin/add], rights: [read-any]");
    struct text out = diff(HOUSE, after, true);

    (void)state;
    assert_string_equal(
        out.data,
        "{\"kind\":\"role\",\"name\":\"writer\",\"command\":\"pin/add\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"role\",\"name\":\"writer\",\"right\":\"read-any\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"group\",\"name\":\"staff\",\"command\":\"pin/add\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"group\",\"name\":\"staff\",\"right\":\"read-any\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"member\",\"name\":\"alice\",\"command\":\"pin/add\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"member\",\"name\":\"alice\",\"right\":\"read-any\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"member\",\"name\":\"bob\",\"command\":\"pin/add\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n"
        "{\"kind\":\"member\",\"name\":\"bob\",\"right\":\"read-any\",\"before\":\"denied\","
        "\"after\":\"allowed\"}\n");
    text_dispose(&out);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diff_tells_what_changes_for_whom),
        cmocka_unit_test(test_diff_tells_of_conditions_that_change),
        cmocka_unit_test(test_diff_names_a_few_of_many_members),
        cmocka_unit_test(test_diff_json_has_a_line_for_every_name_and_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "policy/document.h"
#include "policy/expression.h"
#include "policy/expression_private.h"

/* A document to compile against: its vars, groups and attributes. */
static const char house[] = KIT_HEAD "vars:\n"
                                     "  office: [10.0.0.0/8, 192.0.2.0/24]\n"
                                     "  home: /home\n"
                                     "  small: 5MiB\n"
                                     "  short: 90s\n"
                                     "  codecs: [raw, dag-pb]\n"
                                     "  mixed: [DE, FR, \"NO\"]\n"
                                     "groups: {staff: {}, robots: {}}\n"
                                     "members:\n"
                                     "  alice:\n"
                                     "    groups: [staff]\n"
                                     "    attributes: {clearance: 3, team: red, trusted: true, "
                                     "projects: [moon, mars], patience: 2m}\n"
                                     "  bob: {}\n"
                                     "roles: {r: {allow: version}}\n"
                                     "bind: [{to: \"member:*\", roles: r}]\n";

struct fixture {
    struct document document;
    struct findings findings;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct policy_source source = {"policy.yaml", SLICE(house)};

    assert_true(document_read(&fixture.document, &source, 1, &fixture.findings));
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    document_dispose(&fixture->document);
    findings_dispose(&fixture->findings);
    return 0;
}

static bool compile(struct fixture *fixture, const struct expression **expression,
                    const char *commands, const char *text, struct arena *arena, size_t *offset,
                    struct error *err)
{
    struct command_set set = {{0}};
    struct pattern pattern;

    if (commands == NULL)
        return expression_compile(expression, slice_of(text), NULL, &fixture->document, arena,
                                  offset, err);
    assert_true(pattern_parse(&pattern, PATTERN_DENY, slice_of(commands), err));
    set = pattern.set;
    return expression_compile(expression, slice_of(text), &set, &fixture->document, arena, offset,
                              err);
}

/* Alice calls; the time is Wednesday 2026-05-06 13:45 UTC, the address 10.1.2.3. */
static enum truth evaluate(struct fixture *fixture, const char *target, const char *text)
{
    const struct policy *policy = kit_policy(house);
    struct principal alice = kit_principal("alice");
    struct sockaddr_in address = kit_address("10.1.2.3");
    struct policy_request request = {.now_ms = UINT64_C(1778075100000), .content_length = 1 << 20};
    struct call *call = kit_call(target);
    struct expression_facts facts = {.principal = &alice,
                                     .member = policy_member_find(policy, SLICE("alice")),
                                     .document = &fixture->document.members[0],
                                     .call = call,
                                     .request = &request};
    const struct expression *expression;
    struct arena arena = {0};
    struct error err = {0};
    size_t offset;
    enum truth truth;
    char commands[64];

    alice.peer = (struct sockaddr *)&address;
    snprintf(commands, sizeof(commands), "%.*s", (int)strcspn(target, "?"), target);
    if (!compile(fixture, &expression, commands, text, &arena, &offset, &err))
        fail_msg("%s: %s at %zu", text, err.text, offset);
    truth = expression_evaluate(expression, &facts);
    arena_dispose(&arena);
    call_destroy(&call);
    policy_unref(&policy);
    return truth;
}

#define PIN   "pin/add?arg=" CID_RAW "&arg=/ipfs/" CID_DAG_PB "&recursive=false&name=moon-7"
#define FILES "files/rm?arg=/home/alice/x"
#define ADD   "add?to-files=/lab//a/./b&ignore=x&ignore=y&cid-version=1&timeout=1m30s&pin=true"

static void test_expression_evaluates_each_construct(void **state)
{
    static const struct {
        const char *target, *text;
        enum truth truth;
    } cases[] = {
        {PIN, "opt.recursive == false", TRUTH_TRUE},
        {PIN, "opt.recursive", TRUTH_FALSE},
        {PIN, "not opt.recursive", TRUTH_TRUE},
        {PIN, "opt.recursive != true", TRUTH_TRUE},
        {PIN, "false == opt.recursive", TRUTH_TRUE},
        {PIN, "(opt.name == 'moon-7') == true", TRUTH_TRUE},
        {PIN, "opt.progress", TRUTH_UNKNOWN},
        {PIN, "not opt.progress", TRUTH_UNKNOWN},
        {PIN, "opt.progress or true", TRUTH_TRUE},
        {PIN, "opt.progress and false", TRUTH_FALSE},
        {PIN, "opt.progress and true", TRUTH_UNKNOWN},
        {PIN, "opt.progress or false", TRUTH_UNKNOWN},
        {PIN, "has(opt.progress)", TRUTH_FALSE},
        {PIN, "has(opt.name) and not has(opt.progress)", TRUTH_TRUE},
        {PIN, "opt.name == \"moon-7\"", TRUTH_TRUE},
        {PIN, "opt.name like 'moon-*'", TRUTH_TRUE},
        {PIN, "opt.name like '*-*-*'", TRUTH_FALSE},
        {PIN, "opt.name like '*o*'", TRUTH_TRUE},
        {PIN, "opt.name like 'moon-7'", TRUTH_TRUE},
        {PIN, "opt.name like ''", TRUTH_FALSE},
        {PIN, "opt.name in ['mars-7', 'moon-7']", TRUTH_TRUE},
        {PIN, "not (opt.name in ['mars-7'])", TRUTH_TRUE},
        {PIN, "len(opt.name) == 6", TRUTH_TRUE},
        {PIN, "len(args) == 2", TRUTH_TRUE},
        {PIN, "len(args) in 3..5", TRUTH_FALSE},
        {PIN, "3 > len(args)", TRUTH_TRUE},
        {PIN, "2 > len(args)", TRUTH_FALSE},
        {PIN, "args[0] like 'bafk*'", TRUTH_TRUE},
        {PIN, "args[1] == '/ipfs/" CID_DAG_PB "'", TRUTH_TRUE},
        {PIN, "has(args[2])", TRUTH_FALSE},
        {PIN, "args[2] == 'x'", TRUTH_UNKNOWN},
        {PIN, "cid.codec(args[0]) == 'raw'", TRUTH_TRUE},
        {PIN, "cid.codec(args[1]) in $codecs", TRUTH_TRUE},
        {PIN, "cid.codec(args[1]) != 'raw'", TRUTH_TRUE},
        {PIN, "cid.hash(args[0]) == 'sha2-256'", TRUTH_TRUE},
        {PIN, "cid.version(args[0]) == 1", TRUTH_TRUE},
        {PIN, "true", TRUTH_TRUE},
        {PIN, "not false", TRUTH_TRUE},
        {PIN, "not not true", TRUTH_TRUE},
        {"pin/add?arg=/ipfs/" CID_RAW "/x", "cid.codec(args[0]) == 'raw'", TRUTH_UNKNOWN},
        {"pin/add?arg=/ipns/x.example", "has(cid.codec(args[0]))", TRUTH_FALSE},
        {"pin/add?arg=" CID_V0, "cid.version(args[0]) == 0", TRUTH_TRUE},
        {FILES, "args[0].path under '/home'", TRUTH_TRUE},
        {FILES, "args[0].path under $home + '/' + principal.id", TRUTH_TRUE},
        {FILES, "args[0].path under '/home/al'", TRUTH_FALSE},
        {FILES, "args[0].path under '/'", TRUTH_TRUE},
        {FILES, "args[0].path == '/home//alice/./x/'", TRUTH_TRUE},
        {FILES, "args[0].path == '/home/alice'", TRUTH_FALSE},
        {FILES, "args[0].path in ['/a', '/home/alice/x']", TRUTH_TRUE},
        {FILES, "args[0].path under principal.id", TRUTH_UNKNOWN}, /* no path */
        {"files/cp?arg=/ipfs/" CID_RAW "&arg=/x", "has(args[0].path)", TRUTH_FALSE},
        {"files/cp?arg=/ipfs/" CID_RAW "&arg=/x", "cid.codec(args[0]) == 'raw'", TRUTH_TRUE},
        {"files/cp?arg=/y&arg=/x", "args[0].path under '/y'", TRUTH_TRUE},
        {ADD, "opt.to-files under '/lab/a'", TRUTH_TRUE},
        {ADD, "opt.to-files == '/lab/a/b'", TRUTH_TRUE},
        {ADD, "'y' in opt.ignore", TRUTH_TRUE},
        {ADD, "'z' in opt.ignore", TRUTH_FALSE},
        {ADD, "len(opt.ignore) == 2", TRUTH_TRUE},
        {ADD, "opt.cid-version in 0..1", TRUTH_TRUE},
        {ADD, "opt.cid-version >= -1", TRUTH_TRUE},
        {ADD, "opt.timeout <= $short", TRUTH_TRUE},
        {ADD, "opt.timeout < 90s", TRUTH_FALSE},
        {ADD, "opt.timeout == 90000ms", TRUTH_TRUE},
        {ADD, "opt.timeout < attributes.patience", TRUTH_TRUE},
        {ADD, "opt.pin", TRUTH_TRUE},
        {ADD, "req.content_length <= $small", TRUTH_TRUE},
        {ADD, "req.content_length > 1MiB", TRUTH_FALSE},
        {ADD, "req.content_length == 1048576", TRUTH_TRUE},
        {ADD, "principal.id == 'alice'", TRUTH_TRUE},
        {ADD, "principal.id like 'al*'", TRUTH_TRUE},
        {ADD, "principal.kind == 'member'", TRUTH_TRUE},
        {ADD, "principal.kind in ['partner', 'anonymous']", TRUTH_FALSE},
        {ADD, "'staff' in principal.groups", TRUTH_TRUE},
        {ADD, "'robots' in principal.groups", TRUTH_FALSE},
        {ADD, "attributes.clearance >= 3", TRUTH_TRUE},
        {ADD, "attributes.team + '-x' == 'red-x'", TRUTH_TRUE},
        {ADD, "attributes.trusted", TRUTH_TRUE},
        {ADD, "'mars' in attributes.projects", TRUTH_TRUE},
        {ADD, "'venus' in attributes.projects", TRUTH_FALSE},
        {ADD, "len(attributes.projects) == 2", TRUTH_TRUE},
        {ADD, "net.src in 10.0.0.0/8", TRUTH_TRUE},
        {ADD, "net.src in ['10.2.0.0/16', fd00::/8]", TRUTH_FALSE},
        {ADD, "net.src in $office", TRUTH_TRUE},
        {ADD, "net.src in [10.1.2.3]", TRUTH_TRUE},
        {ADD, "time.hour in 13..13", TRUTH_TRUE},
        {ADD, "time.hour < 13", TRUTH_FALSE},
        {ADD, "time.weekday == 'wed'", TRUTH_TRUE},
        {ADD, "time.weekday in ['sat', 'sun']", TRUTH_FALSE},
        {ADD, "attributes.team in $mixed", TRUTH_FALSE},
        {"files/cp?arg=/y&arg=/x", "args[0] == args[1]", TRUTH_FALSE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum truth truth = evaluate(*state, cases[i].target, cases[i].text);

        if (truth != cases[i].truth)
            fail_msg("%s of %s is %d", cases[i].text, cases[i].target, (int)truth);
    }
}

static void test_expression_binds_not_comparison_and_or(void **state)
{
    static const struct {
        const char *text;
        enum truth truth;
    } cases[] = {
        /* or is the weakest */
        {"true or true and false", TRUTH_TRUE},
        {"(true or true) and false", TRUTH_FALSE},
        {"false and false or true", TRUTH_TRUE},
        {"false and (false or true)", TRUTH_FALSE},
        /* not is the strongest: (not opt.pin) == false */
        {"not opt.pin == false", TRUTH_TRUE},
        {"not (opt.pin == false)", TRUTH_TRUE},
        {"not opt.pin == true", TRUTH_FALSE},
        {"not false and false", TRUTH_FALSE},
        {"not (false and false)", TRUTH_TRUE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(evaluate(*state, ADD, cases[i].text), cases[i].truth);
}

static void test_expression_refuses_with_the_place_and_what_would_be_right(void **state)
{
    static const struct {
        const char *commands, *text;
        size_t offset;
        const char *message; /* a part of it */
    } cases[] = {
        {"add", "", 0, "a condition is missing"},
        {"add", "opt.pin ==", 10, "ends here"},
        {"add", "opt.pin = true", 8, "write '=='"},
        {"add", "opt.pin && true", 8, "write 'and'"},
        {"add", "!opt.pin", 0, "write 'not'"},
        {"add", "opt.pni", 4, "did you mean opt.pin?"},
        {"add", "opt.p", 4, "write the long name: opt.progress"},
        {"add", "opt.api-auth == 'x'", 4, "no option"},
        {"{add,pin/add}", "opt.chunker == 'x'", 4, "pin/add has no option 'chunker'"},
        {"{add,files/stat}", "opt.hash == 'x'", 4, "is a text for add, but a truth value"},
        {"version", "arg == 'x'", 0, "version has no argument"},
        {"{pin/add,version}", "len(args) > 1", 4, "version has no argument"},
        {"files/mkdir", "args[1] == 'x'", 0, "files/mkdir has no argument"},
        {"pin/add", "arg.path under '/x'", 0, "no argument that is a path of files/"},
        {"files/rm", "arg under '/x'", 0, "write arg.path"},
        {"files/rm", "arg.path under 'home'", 15, "begins with '/'"},
        {"files/rm", "arg.path under '/a/../b'", 15, "no path"},
        {"files/rm", "arg.pth under '/x'", 4, "there is '.path'"},
        {"files/rm", "cid.codec(arg) == 'raw'", 10, "no argument with a CID"},
        {"pin/add", "cid.codec(arg) == 'dag-bp'", 18, "did you mean 'dag-pb'?"},
        {"pin/add", "cid.code(arg) == 'raw'", 4, "cid.codec(arg)"},
        {"pin/add", "args == 'x'", 8, "cannot be compared"},
        {"pin/add", "opt.recursive == 'true'", 17, "cannot be compared"},
        {"pin/add", "opt.name == 5", 12, "a text cannot be compared with a number"},
        {"pin/add", "opt.name < 'x'", 11, "cannot be compared"},
        {"pin/add", "opt.name", 0, "a condition has to stand here"},
        {"pin/add", "opt.name and true", 0, "a condition has to stand here"},
        {"pin/add", "not opt.name", 0, "'not' takes a truth value"},
        {"pin/add", "not opt.name == 'x'", 0, "write not (...)"},
        {"pin/add", "opt.name not in ['x']", 9, "write not (A in B)"},
        {"pin/add", "opt.name in 'x'", 12, "needs a list"},
        {"pin/add", "opt.name in [x]", 13, "texts stand in quotes: 'x'"},
        {"pin/add", "opt.name in ['x', 5]", 18, "but the list began with"},
        {"pin/add", "opt.name in []", 13, "a list holds constants"},
        {"pin/add", "opt.name like opt.name", 14, "a pattern in quotes"},
        {"pin/add", "opt.name == moon", 12, "texts stand in quotes"},
        {"pin/add", "'a' == 'b'", 0, "always the same"},
        {"pin/add", "1 < len(args) < 3", 14, "do not chain"},
        {"pin/add", "len(args) in 5..3", 13, "empty"},
        {"pin/add", "len(args) in 'a'..'b'", 13, "two numbers"},
        {"pin/add", "len(args) > 5 GiB", 14, "cannot follow here"},
        {"pin/add", "len(args) > 5Gib", 12, "no number"},
        {"pin/add", "len(args) > 99999999999999999999", 12, "no number"},
        {"pin/add", "len(args) > 30s", 12, "cannot be compared"},
        {"pin/add", "len(opt.recursive) > 1", 4, "takes a text or a list"},
        {"add", "net.src == 10.0.0.1", 11, "compared with 'in'"},
        {"add", "net.src in 10.0.0.1/8", 11, "10.0.0.1/8"},
        {"add", "net.src in ['office']", 11, "office"},
        {"add", "net.srv in 10.0.0.0/8", 4, "did you mean net.src?"},
        {"add", "time.weekday == 'monday'", 16, "not a day of the week"},
        {"add", "time.minute == 3", 5, "there are: time.hour, time.weekday"},
        {"add", "principal.kind == 'user'", 18, "member, partner, operator or anonymous"},
        {"add", "principal.kind == 'membr'", 18, "did you mean 'member'?"},
        {"add", "'stuff' in principal.groups", 0, "did you mean 'staff'?"},
        {"add", "attributes.clearence > 1", 11, "did you mean 'clearance'?"},
        {"add", "attributes.team > 1", 18, "cannot be compared"},
        {"add", "req.content_lenght > 1", 4, "did you mean req.content_length?"},
        {"add", "opts.pin", 0, "did you mean 'opt'?"},
        {"add", "user.id == 'x'", 0, "is not known"},
        {"add", "$offices == 1", 0, "did you mean '$office'?"},
        {"add", "net.src in $home", 11, "/home"},
        {"add", "req.content_length > $office", 21, "cannot be compared"},
        {"add", "opt.chunker + 'x' == 'y'", 0, "any length"},
        {"add", "'x' + 5 == principal.id", 6, "puts texts together"},
        {"add", "opt.chunker == 'x", 15, "has no end"},
        {"add", "(opt.pin", 8, "')'"},
        {"add", "opt.pin)", 7, "cannot follow"},
        {"add", "has('x')", 4, "is not known"},
        {"add", "opt.pin \xe2\x82\xac", 8, "has no meaning"},
        {"add", "args[0] == 'x'", 0, "add has no argument"},
        {"pin/add", "args[x] == 'x'", 5, "from 0"},
        {"pin/add", "args[10000] == 'x'", 5, "from 0"},
        {NULL, "opt.pin", 0, "a binding is for every command"},
        {NULL, "arg == 'x'", 0, "a binding is for every command"},
        {NULL, "len(args) > 1", 4, "a binding is for every command"},
    };
    struct arena arena = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct expression *expression;
        struct error err = {0};
        size_t offset = 0;

        if (compile(*state, &expression, cases[i].commands, cases[i].text, &arena, &offset, &err))
            fail_msg("'%s' was accepted", cases[i].text);
        assert_null(expression);
        if (strstr(err.text, cases[i].message) == NULL || offset != cases[i].offset)
            fail_msg("'%s': at %zu: %s", cases[i].text, offset, err.text);
    }
    arena_dispose(&arena);
}

static void test_expression_bounds_what_it_costs(void **state)
{
    const struct expression *expression;
    struct arena arena = {0};
    struct text text = {0};
    struct error err = {0};
    size_t offset;

    for (int i = 0; i < EXPRESSION_DEPTH_MAX + 1; i++)
        text_put_char(&text, '(');
    text_put_text(&text, "true");
    for (int i = 0; i < EXPRESSION_DEPTH_MAX + 1; i++)
        text_put_char(&text, ')');
    assert_false(compile(*state, &expression, "add", text.data, &arena, &offset, &err));
    assert_non_null(strstr(err.text, "levels"));

    text_clear(&text);
    err = (struct error){0};
    for (int i = 0; i < EXPRESSION_DEPTH_MAX + 1; i++)
        text_put_text(&text, "not ");
    text_put_text(&text, "true");
    assert_false(compile(*state, &expression, "add", text.data, &arena, &offset, &err));

    text_clear(&text);
    err = (struct error){0};
    while (text.size <= EXPRESSION_SIZE_MAX)
        text_put_text(&text, "true and ");
    text_put_text(&text, "true");
    assert_false(compile(*state, &expression, "add", text.data, &arena, &offset, &err));
    assert_non_null(strstr(err.text, "bytes"));
    text_dispose(&text);
    arena_dispose(&arena);
}

static void test_expression_matches_patterns_as_early_as_it_can(void **state)
{
    static const struct {
        const char *text, *glob;
        bool matches;
    } cases[] = {
        {"", "*", true},
        {"", "", true},
        {"", "a", false},
        {"abc", "a*c", true},
        {"ac", "a*c", true},
        {"abcd", "a*c", false},
        {"aa", "a*a*a", false},
        {"aaa", "a*a*a", true},
        {"ab", "*ab*b", false},
        {"abab", "*ab*ab", true},
        {"aab", "*ab*b", false},
        {"abxb", "*ab*b", true},
        {"aXbXc", "a*X*c", true},
        {"abc", "**", true},
        {"abc", "abc*", true},
        {"abc", "*abc", true},
        {"abc", "*abcd", false},
        {"ababa", "*aba*ba", true},
        {"mississippi", "m*is*ip*", true},
        {"mississippi", "*iss*iss*iss*", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (text_is_like(slice_of(cases[i].text), slice_of(cases[i].glob)) != cases[i].matches)
            fail_msg("'%s' like '%s'", cases[i].text, cases[i].glob);
}

static void test_expression_tells_which_part_failed_and_its_values(void **state)
{
    struct fixture *fixture = *state;
    struct principal bob = kit_principal("bob");
    struct policy_request request = {.content_length = -1};
    struct call *call = kit_call(PIN);
    struct expression_facts facts = {.principal = &bob, .call = call, .request = &request};
    struct expression_clause clauses[4];
    const struct expression *expression;
    struct arena arena = {0};
    struct text values = {0};
    struct error err = {0};
    size_t offset;

    assert_true(compile(fixture, &expression, "pin/add",
                        "len(args) <= 100 and (opt.recursive or opt.name like 'm*') and "
                        "cid.codec(arg) == 'raw' and req.content_length > 5",
                        &arena, &offset, &err));
    facts.argument = 1;
    assert_int_equal(expression_clauses(expression, &facts, clauses, 4), 4);
    assert_int_equal(clauses[0].truth, TRUTH_TRUE);
    assert_true(slice_is(clauses[1].text, "(opt.recursive or opt.name like 'm*')") ||
                slice_is(clauses[1].text, "opt.recursive or opt.name like 'm*'"));
    assert_int_equal(clauses[2].truth, TRUTH_FALSE);
    assert_true(slice_is(clauses[2].text, "cid.codec(arg) == 'raw'"));
    assert_int_equal(clauses[3].truth, TRUTH_UNKNOWN);
    expression_put_values(expression, &facts, clauses[2].text, &values);
    assert_string_equal(values.data, "cid.codec(arg) is dag-pb");
    text_clear(&values);
    expression_put_values(expression, &facts, slice_of("x"), &values); /* not of this text */
    text_clear(&values);
    expression_put_values(
        expression, &facts,
        (struct slice){clauses[0].text.data,
                       clauses[3].text.data + clauses[3].text.size - clauses[0].text.data},
        &values);
    assert_string_equal(values.data,
                        "len(args) is 2, opt.recursive is false, opt.name is 'moon-7', "
                        "cid.codec(arg) is dag-pb, req.content_length is missing");
    text_dispose(&values);
    arena_dispose(&arena);
    call_destroy(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expression_evaluates_each_construct),
        cmocka_unit_test(test_expression_binds_not_comparison_and_or),
        cmocka_unit_test(test_expression_refuses_with_the_place_and_what_would_be_right),
        cmocka_unit_test(test_expression_bounds_what_it_costs),
        cmocka_unit_test(test_expression_matches_patterns_as_early_as_it_can),
        cmocka_unit_test(test_expression_tells_which_part_failed_and_its_values),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

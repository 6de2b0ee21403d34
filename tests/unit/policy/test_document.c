// SPDX-License-Identifier: Apache-2.0
/* Every mistake is found, at its place, with what would be right. */
#include "kit.h"

/* What a document begins with, so that lines in the table below start at 3. */
#define PEOPLE                                                                                     \
    "groups: {staff: {}, robots: {}}\n"                                                            \
    "members: {alice: {groups: [staff]}, bob: {groups: [robots]}}\n"                               \
    "roles: {reader: {allow: [cat]}}\n"

static void test_document_finds_each_mistake_at_its_place(void **state)
{
    static const struct {
        const char *yaml; /* behind KIT_HEAD */
        const char *error;
    } cases[] = {
        {"", NULL},
        {PEOPLE "bind: [{to: \"group:staff\", roles: [reader]}]\n", NULL},

        /* the top */
        {"member: {}\n", "p:3:1: there is no section 'member'; did you mean 'members'?"},
        {"users: {}\n", "p:3:1: there is no section 'users'; there are version, org, mode"},
        {"grants: {}\n", "p:3:9: expected a list"},
        {"mode: shadow\n", "p:3:7: mode is enforce or report, not 'shadow'"},
        {"mode: enforce\nmode: report\n", "p:4:1: the key 'mode' "},
        {"org: other.example\n", "p:3:1: the key 'org' "},
        {"members: [alice]\n", "p:3:10: expected a mapping"},
        {"bind: {}\n", "p:3:7: expected a list"},
        {"rules:\n", "p:3:7: nothing is written here"},

        /* YAML's surprises */
        {"vars: {country: NO}\n", "p:3:17: 'NO' means different things"},
        {"vars: {country: yes}\n", "p:3:17: 'yes' means different things"},
        {"vars: {mode: 0o17}\n", "p:3:14: '0o17' means different things"},
        {"vars: {mode: 017}\n", "p:3:14: '017' means different things"},
        {"vars: {mode: 0x1f}\n", "p:3:14: '0x1f' means different things"},
        {"vars: {n: 1_000}\n", "p:3:11: '1_000' means different things"},
        {"vars: {n: 1e3}\n", "p:3:11: '1e3' means different things"},
        {"vars: {n: 1.5}\n", "p:3:11: '1.5' means different things"},
        {"vars: {n: 12:30}\n", "p:3:11: '12:30' means different things"},
        {"vars: {n: 2026-01-31}\n", "p:3:11: '2026-01-31' means different things"},
        {"vars: {n: -1}\n", "p:3:11: '-1' means different things"},
        {"vars: {n: .inf}\n", "p:3:11: '.inf' means different things"},
        {"vars: {n: ~}\n", "p:3:11: '~' is no value"},
        {"vars: {n: \"NO\", m: \"017\", k: 10.0.0.0/8, j: 1.2.3}\n", NULL},
        {"vars: &a {n: 1}\n", "p:3:7: an anchor (&) "},
        {"vars: {n: !!str 5}\n", "p:3:11: a tag (!) "},
        {"vars:\n  n: 1\n  n: 2\n", "p:5:3: the key 'n' "},
        {"vars: {N: 1}\n", "p:3:8: 'N' cannot be the name of a var"},
        {"vars: {list: [1, two]}\n", "p:3:18: this is a text, but the list began with a number"},
        {"vars: {list: []}\n", "p:3:14: a list has from 1 to"},
        {"vars: {list: [[1]]}\n", "p:3:15: expected one value"},

        /* members and groups */
        {"members: {Alice: {}}\n", "p:3:11: "},
        {"members: {alice: {group: staff}}\n",
         "p:3:19: 'group' is not known here; did you mean 'groups'?"},
        {"members: {alice: {groups: [staf]}}\ngroups: {staff: {}}\n",
         "p:3:28: there is no group 'staf'; did you mean 'staff'?"},
        {"members: {alice: {groups: [staff, staff]}}\ngroups: {staff: {}}\n",
         "p:3:35: the group 'staff' stands here twice"},
        {"members: {alice: {expires: tomorrow}}\n", "p:3:28: 'tomorrow' is no point in time"},
        {"members: {alice: {expires: 2027-02-29}}\n", "p:3:28: '2027-02-29' is no point in time"},
        {"members: {alice: {attributes: {a: 1}}, bob: {attributes: {a: x}}}\n",
         "p:3:62: 'a' is a text here, but a number in p:3"},
        {"members: {alice: {attributes: {A: 1}}}\n",
         "p:3:32: 'A' cannot be the name of an attribute"},
        {"members: {alice: }\n", "p:3:18: nothing is written here"},
        {"groups: {a: {parent: b}}\n", "p:3:22: there is no group 'b'"},
        {"groups: {a: {parent: a}}\n", "p:3:22: the group 'a' is its own parent"},
        {"groups: {a: {parent: b}, b: {parent: c}, c: {parent: a}}\n",
         "p:3:22: the group 'a' is its own parent, by way of 'b'"},
        {"groups: {a: {parents: b}}\n",
         "p:3:14: 'parents' is not known here; did you mean 'parent'?"},

        /* roles */
        {"roles: {r: {allow: [pin/ad]}}\n",
         "p:3:21: 'pin/ad' is not a command of Kubo; did you mean 'pin/add'?"},
        {"roles: {r: {allow: [pin]}}\n", "p:3:21: 'pin' is a group of commands; write 'pin/*'"},
        {"roles: {r: {allow: [daemon]}}\n", "p:3:21: 'daemon' runs only on the node's own machine"},
        {"roles: {r: {allow: [pin add]}}\n",
         "p:3:21: 'pin add': commands are written with slashes"},
        {"roles: {r: {allow: [/api/v0/add]}}\n", "p:3:21: leave /api/v0/ away"},
        {"roles: {r: {allow: [repo/gc]}}\n", "p:3:21: 'repo/gc' can harm everyone on the node"},
        {"roles: {r: {allow: [\"config/*\"]}}\n",
         "p:3:21: 'config/*' names only commands that can harm"},
        {"roles: {r: {allow: [\"block/{get,sta}\"]}}\n",
         "p:3:21: 'block/sta' is not a command of Kubo; did you mean 'block/stat'?"},
        {"roles: {r: {allow: [\"block/{get\"]}}\n", "p:3:21: 'block/{get': a '}' is missing"},
        {"roles: {r: {allow: [\"block/{a,{b}}\"]}}\n",
         "p:3:21: 'block/{a,{b}}': braces do not stand inside"},
        {"roles: {r: {allow: [\"pin//add\"]}}\n", "p:3:21: 'pin//add' has a slash too many"},
        {"roles: {r: {allow: [\"pin/\"]}}\n", "p:3:21: 'pin/' has a slash too many"},
        {"roles: {r: {allow: [class:reed]}}\n",
         "p:3:21: no class of commands is called 'reed'; did you mean 'class:read'?"},
        {"roles: {r: {allow: [class:everything]}}\n",
         "p:3:21: no class of commands is called 'everything'; there are"},
        {"roles: {r: {allow: [Add]}}\n", "p:3:21: 'Add': the 1. character"},
        {"roles: {r: {allow: []}}\n", "p:3:20: an empty list says nothing"},
        {"roles: {r: {}}\n", "p:3:9: the role 'r' says nothing"},
        {"roles: {r: {inherits: [q]}}\n", "p:3:24: there is no role 'q'"},
        {"roles: {r: {inherits: [r]}}\n", "p:3:24: the role 'r' inherits itself"},
        {"roles: {a: {inherits: b}, b: {inherits: [c]}, c: {inherits: a}}\n",
         "p:3:23: the role 'a' inherits itself"},
        {"roles: {r: {rights: [read-all]}}\n",
         "p:3:22: there is no right 'read-all'; did you mean 'read-any'?"},
        {"roles: {r: {rights: [admin]}}\n",
         "p:3:22: there is no right 'admin'; there are read-any"},
        {"roles: {r: {allows: [cat]}}\n",
         "p:3:13: 'allows' is not known here; did you mean 'allow'?"},
        {"roles: {r: {allow: [{command: cat}]}}\n", "p:3:21: 'where' is missing here"},
        {"roles: {r: {allow: [{where: \"true\"}]}}\n", "p:3:21: 'command' is missing here"},
        {"roles: {r: {allow: [{command: cat, when: \"true\"}]}}\n",
         "p:3:36: 'when' is not known here; there are: command, where"},
        {"roles: {r: {allow: [{command: cat, where: \"arg.path under '/x'\"}]}}\n",
         "p:3:44: cat has no argument that is a path of files/"},
        {"roles: {r: {allow: [{command: cat, where: \"len(args) > \"}]}}\n",
         "p:3:56: the condition ends here"},
        {"roles: {r: {allow: [{command: add, where: opt.pin and opt.x}]}}\n",
         "p:3:59: add has no option 'x'"},

        /* bind */
        {PEOPLE "bind: [{to: alice, roles: [reader]}]\n",
         "p:6:13: say what 'alice' is: \"member:alice\""},
        {PEOPLE "bind: [{to: staff, roles: [reader]}]\n",
         "p:6:13: say what 'staff' is: \"group:staff\""},
        {PEOPLE "bind: [{to: everyone, roles: [reader]}]\n", "p:6:13: 'everyone' names nobody"},
        {PEOPLE "bind: [{to: \"member:alcie\", roles: [reader]}]\n",
         "p:6:13: there is no member 'alcie'; did you mean 'member:alice'?"},
        {PEOPLE "bind: [{to: \"group:stuff\", roles: [reader]}]\n",
         "p:6:13: there is no group 'stuff'; did you mean 'group:staff'?"},
        {PEOPLE "bind: [{to: \"partner:Beta\", roles: [reader]}]\n", "p:6:13: "},
        {PEOPLE "bind: [{to: anonymous, roles: [raeder]}]\n",
         "p:6:32: there is no role 'raeder'; did you mean 'reader'?"},
        {PEOPLE "bind: [{to: anonymous}]\n", "p:6:8: 'roles' is missing here"},
        {PEOPLE "bind: [{roles: reader}]\n", "p:6:8: 'to' is missing here"},
        {PEOPLE "bind: [{to: anonymous, roles: reader, where: \"true\"}]\n",
         "p:6:39: 'where' is not known here; there are: to, roles, when"},
        {PEOPLE "bind: [{to: anonymous, roles: reader, when: \"opt.pin\"}]\n",
         "p:6:46: a binding is for every command"},
        {PEOPLE "bind: [{to: [], roles: reader}]\n", "p:6:13: an empty list says nothing"},
        {PEOPLE "bind: [reader]\n", "p:6:8: expected a mapping"},

        /* rules */
        {PEOPLE "rules: [{deny: cat}]\n", "p:6:9: 'id' is missing here"},
        {PEOPLE "rules: [{id: A, deny: cat}]\n", "p:6:14: "},
        {PEOPLE "rules: [{id: default, deny: cat}]\n",
         "p:6:14: 'default' is what a decision is called"},
        {PEOPLE "rules: [{id: x}]\n", "p:6:9: a rule has either 'allow' or 'deny'"},
        {PEOPLE "rules: [{id: x, deny: cat, allow: cat}]\n",
         "p:6:9: a rule has either 'allow' or 'deny'"},
        {PEOPLE "rules: [{id: x, allow: cat}]\n", "p:6:9: an allow rule says to whom"},
        {PEOPLE "rules: [{id: x, deny: \"kye/**\"}]\n",
         "p:6:23: 'kye/**' matches no command; did you mean 'key/**'?"},
        {PEOPLE "rules: [{id: x, deny: \"pin/x*\"}]\n",
         "p:6:23: 'pin/x*' matches no command; there is 'pin/add', for one"},
        {PEOPLE "rules: [{id: x, deny: cat, when: \"true\", unless: \"false\"}]\n",
         "p:6:50: a rule has 'when' or 'unless', not both"},
        {PEOPLE "rules: [{id: x, deny: cat, mode: silent}]\n", "p:6:34: mode is enforce or report"},
        {PEOPLE "rules: [{id: x, allow: cat, to: \"*\", message: no}]\n",
         "p:6:47: only a deny rule has a message"},
        {PEOPLE "rules: [{id: x, deny: cat, message: \"a\\nb\"}]\n",
         "p:6:37: a message is one line"},
        {PEOPLE "rules: [{id: x, deny: cat}, {id: x, deny: add}]\n",
         "p:6:34: the rule 'x' stands in p:6 already"},
        {PEOPLE "rules: [{id: x, deny: cat, excpet: \"member:bob\"}]\n",
         "p:6:28: 'excpet' is not known here; did you mean 'except'?"},

        /* tests */
        {PEOPLE "tests: [{as: alice, expect: allow}]\n", "p:6:9: a test has 'call'"},
        {PEOPLE "tests: [{call: cat, expect: allow}]\n",
         "p:6:9: a test has either 'as' with 'expect', or 'only'"},
        {PEOPLE "tests: [{as: alice, call: cat}]\n", "p:6:9: 'expect' is missing here"},
        {PEOPLE "tests: [{as: alcie, call: cat, expect: allow}]\n",
         "p:6:14: there is no member 'alcie'; did you mean 'member:alice'?"},
        {PEOPLE "tests: [{as: \"*\", call: cat, expect: allow}]\n",
         "p:6:14: a test names who calls"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: yes}]\n",
         "p:6:40: a test expects allow or deny"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, by: raeder}]\n",
         "p:6:51: there is no rule 'raeder'"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, by: \"role:raeder\"}]\n",
         "p:6:51: there is no role 'raeder'"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, by: default}]\n", NULL},
        {PEOPLE "tests: [{only: alice, call: cat, expect: allow}]\n",
         "p:6:16: 'only' says what is expected"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, from: home}]\n",
         "p:6:53: 'home' is no address"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, from: 10.0.0.0/8}]\n",
         "p:6:53: '10.0.0.0/8' is no address"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, at: noon}]\n",
         "p:6:51: 'noon' is no point in time"},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, content_length: 5Gib}]\n",
         "p:6:63: "},
        {PEOPLE "tests: [{as: alice, call: cat, expect: allow, roles: [raeder]}]\n",
         "p:6:55: there is no role 'raeder'; did you mean 'reader'?"},
        {PEOPLE "tests: [{as: alice, call: cat, calls: [cat], expect: allow}]\n",
         "p:6:9: a test has 'call'"},
    };
    size_t bad = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text yaml = {0};
        struct policy_source source;
        const struct policy *policy;
        struct error err = {0};

        text_put_format(&yaml, "%s%s", KIT_HEAD, cases[i].yaml);
        source = (struct policy_source){"p", text_slice(&yaml)};
        if (policy_compile(&policy, &source, 1, NULL, &err) != (cases[i].error == NULL) ||
            (cases[i].error != NULL &&
             strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)) {
            print_message("%s  gave: %s\n  not:  %s\n", cases[i].yaml, err.text,
                          cases[i].error != NULL ? cases[i].error : "");
            bad++;
        }
        policy_unref(&policy);
        text_dispose(&yaml);
    }
    assert_int_equal(bad, 0);
}

static void test_document_needs_its_version_and_org(void **state)
{
    char text[508];

    (void)state;
    kit_mistake("org: lab.example\n", text);
    assert_string_equal(text, "p:1:1: 'version: 1' is missing in this file");
    kit_mistake("version: 1\n", text);
    assert_string_equal(text, "p:1:1: 'org' is missing: the DNS name of the organization");
    kit_mistake("version: 2\norg: lab.example\n", text);
    assert_non_null(strstr(text, "p:1:10: version 2 is not known"));
    kit_mistake("version: \"1\"\norg: lab.example\n", text);
    assert_non_null(strstr(text, "p:1:10: "));
    kit_mistake("version: 1\norg: Lab\n", text);
    assert_non_null(strstr(text, "p:2:6: "));
    kit_mistake("version: 1\norg: lab.example\n  x: y\n", text);
    assert_non_null(strstr(text, "p:"));
}

static void test_document_finds_all_mistakes_in_one_run(void **state)
{
    struct policy_source source = {
        "p", SLICE(KIT_HEAD "members: {alice: {groups: [a]}}\n"
                            "roles: {r: {allow: [ad, cat, pni/add], inherits: q}}\n"
                            "bind: [{to: \"member:alcie\", roles: [s], when: \"x\"}]\n")};
    struct findings findings = {0};
    const struct policy *policy;
    struct error err = {0};

    (void)state;
    assert_false(policy_compile(&policy, &source, 1, &findings, &err));
    assert_int_equal(findings.counts[FINDING_ERROR], 7);
    assert_int_equal(findings.items[0].line, 3);
    assert_int_equal(findings.items[6].line, 5);
    assert_non_null(strstr(err.text, "p:3:28: there is no group 'a' (and 6 more mistakes)"));
    findings_dispose(&findings);
}

static void test_document_unites_files(void **state)
{
    struct policy_source sources[] = {
        {"b.yaml", SLICE("version: 1\nroles: {reader: {allow: cat}}\n"
                         "members: {alice: {}}\n")},
        {"a.yaml", SLICE("version: 1\norg: lab.example\nmembers: {bob: {}}\n"
                         "bind: [{to: \"member:*\", roles: reader}]\n")},
    };
    const struct policy *policy, *other;
    struct error err = {0};
    char hash[POLICY_HASH_SIZE];

    (void)state;
    assert_true(policy_compile(&policy, sources, 2, NULL, &err));
    kit_expect(policy, "alice", "cat?arg=" CID_RAW, "allow role:reader");
    kit_expect(policy, "bob", "cat?arg=" CID_RAW, "allow role:reader");
    snprintf(hash, sizeof(hash), "%s", policy_hash(policy));
    policy_unref(&policy);

    /* the order in which they are given is no part of the policy */
    struct policy_source turned[] = {sources[1], sources[0]};

    assert_true(policy_compile(&other, turned, 2, NULL, &err));
    assert_string_equal(policy_hash(other), hash);
    policy_unref(&other);
    turned[0].name = "c.yaml";
    assert_true(policy_compile(&other, turned, 2, NULL, &err));
    assert_string_not_equal(policy_hash(other), hash);
    policy_unref(&other);
}

static void test_document_refuses_the_same_in_two_files(void **state)
{
    static const struct {
        const char *first, *second, *error;
    } cases[] = {
        {"members: {alice: {}}\n", "members: {alice: {}}\n",
         "b.yaml:3:11: the member 'alice' stands in a.yaml:3 already"},
        {"roles: {r: {allow: cat}}\n", "roles: {r: {allow: add}}\n",
         "b.yaml:3:9: the role 'r' stands in a.yaml:3 already"},
        {"vars: {v: 1}\n", "vars: {v: 1}\n", "b.yaml:3:8: the var 'v' stands in a.yaml:3 already"},
        {"groups: {g: {}}\n", "groups: {g: {}}\n",
         "b.yaml:3:10: the group 'g' stands in a.yaml:3 already"},
        {"rules: [{id: x, deny: cat}]\n", "rules: [{id: x, deny: cat}]\n",
         "b.yaml:3:14: the rule 'x' stands in a.yaml:3 already"},
        {"mode: enforce\n", "mode: enforce\n", "b.yaml:3:1: 'mode' stands in a.yaml:3 already"},
        {"org: x.example\n", "", "a.yaml:3:1: the key 'org' "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text first = {0}, second = {0};
        struct policy_source sources[2];
        const struct policy *policy;
        struct error err = {0};

        text_put_format(&first, "version: 1\norg: lab.example\n%s", cases[i].first);
        text_put_format(&second, "version: 1\n\n%s", cases[i].second);
        sources[0] = (struct policy_source){"a.yaml", text_slice(&first)};
        sources[1] = (struct policy_source){"b.yaml", text_slice(&second)};
        assert_false(policy_compile(&policy, sources, 2, NULL, &err));
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s", err.text);
        text_dispose(&first);
        text_dispose(&second);
    }
}

static void test_document_has_bounds(void **state)
{
    struct policy_source *sources = calloc(POLICY_FILES_MAX + 1, sizeof(*sources));
    const struct policy *policy;
    struct error err = {0};
    struct text yaml = {0};

    (void)state;
    for (size_t i = 0; i <= POLICY_FILES_MAX; i++)
        sources[i] = (struct policy_source){"x", SLICE("version: 1\n")};
    assert_false(policy_compile(&policy, sources, POLICY_FILES_MAX + 1, NULL, &err));
    err = (struct error){0};
    assert_false(policy_compile(&policy, sources, 0, NULL, &err));
    free(sources);

    text_put_text(&yaml, KIT_HEAD "roles:\n");
    for (int i = 0; i <= POLICY_ROLES_MAX; i++)
        text_put_format(&yaml, "  r%d: {allow: cat}\n", i);
    {
        struct policy_source source = {"p", text_slice(&yaml)};

        err = (struct error){0};
        assert_false(policy_compile(&policy, &source, 1, NULL, &err));
        assert_non_null(strstr(err.text, "more than 1024 roles"));
    }
    text_dispose(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_finds_each_mistake_at_its_place),
        cmocka_unit_test(test_document_needs_its_version_and_org),
        cmocka_unit_test(test_document_finds_all_mistakes_in_one_run),
        cmocka_unit_test(test_document_unites_files),
        cmocka_unit_test(test_document_refuses_the_same_in_two_files),
        cmocka_unit_test(test_document_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

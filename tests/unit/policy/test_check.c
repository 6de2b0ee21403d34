// SPDX-License-Identifier: Apache-2.0
/* What `policy check` finds: odd policies, and mistakes seeded into the sample policies. */
#include "kit.h"

#include "policy/check.h"
#include "policy/source.h"

/* Level and text of every finding, one a line. */
static void check(const char *yaml, struct text *out)
{
    struct policy_source source = {"p", slice_of(yaml)};
    struct findings findings = {0};
    struct policy_test_counts tests;
    const struct policy *policy;
    struct error err = {0};

    if (!policy_compile(&policy, &source, 1, &findings, &err))
        fail_msg("%s", err.text);
    policy_check(policy, UINT64_C(1778075100000), NULL, &findings, &tests);
    for (size_t i = 0; i < findings.count; i++) {
        finding_put(&findings.items[i], out);
        text_put_char(out, '\n');
    }
    findings_dispose(&findings);
    policy_unref(&policy);
}

#define HOUSE                                                                                      \
    KIT_HEAD "groups: {staff: {}, robots: {}}\n"                                                   \
             "members: {alice: {groups: [staff]}, bob: {groups: [robots]}}\n"                      \
             "roles: {reader: {allow: [cat, \"pin/*\"]}}\n"                                        \
             "bind: [{to: [\"group:staff\", \"member:bob\"], roles: reader}]\n"

static void test_check_tells_what_can_hardly_be_meant(void **state)
{
    static const struct {
        const char *yaml, *finding;
    } cases[] = {
        /* nobody and nothing */
        {KIT_HEAD "groups: {g: {}}\n", "p:3:10: warning: nobody is in the group 'g'"},
        {KIT_HEAD "members: {alice: {}}\n", "p:3:11: warning: the member 'alice' may do nothing"},
        {KIT_HEAD "roles: {r: {allow: cat}}\n", "p:3:9: warning: nobody has the role 'r'"},
        {KIT_HEAD
         "groups: {g: {}}\nroles: {r: {allow: cat}}\nbind: [{to: \"group:g\", roles: r}]\n",
         "p:4:9: warning: nobody has the role 'r'"},
        {KIT_HEAD "vars: {v: 1}\n", "p:3:8: warning: no condition uses the var 'v'"},
        {KIT_HEAD "mode: report\n", "p:3:7: warning: mode: report blocks nothing"},
        {KIT_HEAD, "p: note: there are no tests"},
        {KIT_HEAD "members: {a: {expires: 2020-01-01}}\n",
         "p:3:11: note: the membership of 'a' is over"},
        {KIT_HEAD "members: {a: {attributes: {x-ray: 1}}}\n",
         "p:3:28: note: no condition asks for the attribute 'x-ray'"},
        {KIT_HEAD "members: {a: {attributes: {certifcate: \"dns:a.example\"}}}\n",
         "p:3:28: warning: no condition asks for the attribute 'certifcate'; did you mean "
         "'certificate'?"},
        {KIT_HEAD "members: {a: {attributes: {clearance: 1}}, b: {attributes: {clearence: 1}}}\n"
                  "rules: [{id: x, deny: cat, unless: \"attributes.clearance > 1\"}]\n",
         "p:3:61: warning: no condition asks for the attribute 'clearence'; did you mean "
         "'clearance'?"},
        /* patterns */
        {KIT_HEAD "roles: {r: {allow: \"kye/*\"}}\n",
         "p:3:20: warning: 'kye/*' matches no command; did you mean 'key/*'?"},
        {KIT_HEAD "roles: {r: {allow: \"*/ls\"}}\n",
         "p:3:20: warning: '*/ls' also opens files/ls (files)"},
        {KIT_HEAD "roles: {r: {allow: \"*\"}}\n", "p:3:20: warning: '*' also opens"},
        {KIT_HEAD "roles: {r: {allow: [add, cat]}}\nbind: [{to: anonymous, roles: r}]\n",
         "p: warning: callers without any credential may change things: add"},
        {KIT_HEAD "roles: {r: {allow: cat}}\nbind: [{to: anonymous, roles: r}]\n"
                  "rules: [{id: x, allow: \"pin/*\", to: \"*\"}]\n",
         "p: warning: callers without any credential may change things: pin/add, pin/rm"},
        /* conditions */
        {HOUSE "rules: [{id: x, deny: cat, when: \"time.hour > 23\"}]\n",
         "p:7:34: warning: the rule 'x' can never deny: its condition is always false"},
        {HOUSE "rules: [{id: x, deny: cat, unless: \"time.hour >= 0\"}]\n",
         "p:7:36: warning: the rule 'x' can never deny: its condition is always true"},
        {HOUSE "rules: [{id: x, deny: cat, when: \"time.hour in 0..23\"}]\n",
         "p:7:34: warning: the condition of the rule 'x' is always true: it says nothing"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"opt.name == 'a' and opt.name == 'b'\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"opt.name in ['a', 'b'] and opt.name like "
               "'c*'\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"not has(opt.name) and opt.name == 'a'\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"has(opt.name) or not has(opt.name)\"}]\n",
         "it says nothing"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"opt.recursive == true and opt.recursive == "
               "false\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"opt.recursive and not opt.recursive\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"len(args) < 0\"}]\n", "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"len(args) > 5 and len(args) < 6\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: cat, when: \"net.src in 10.0.0.0/8 and net.src in "
               "192.0.2.0/24\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: cat, when: \"net.src in 10.1.0.0/16 and not (net.src in "
               "10.0.0.0/8)\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: cat, unless: \"net.src in [0.0.0.0/0, '::/0']\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: cat, when: \"principal.kind == 'member' and principal.kind "
               "== 'partner'\"}]\n",
         "can never deny"},
        {HOUSE
         "rules: [{id: x, deny: cat, when: \"time.weekday != 'mon' and time.weekday != 'tue' and "
         "not (time.weekday in ['wed', 'thu', 'fri', 'sat', 'sun'])\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: cat, when: \"'staff' in principal.groups and not ('staff' in "
               "principal.groups)\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/ls, when: \"opt.name like '*'\"}]\n", "it says nothing"},
        {HOUSE "rules: [{id: x, deny: cat, when: \"req.content_length > 5GiB and "
               "(req.content_length < 1MiB or time.hour == 25)\"}]\n",
         "can never deny"},
        {HOUSE "rules: [{id: x, deny: pin/add, when: \"opt.recursive\"}]\n",
         "note: the rule 'x' also denies calls without opt.recursive; if it should not, write "
         "has(opt.recursive)"},
        {KIT_HEAD "roles: {r: {allow: [{command: cat, where: \"time.hour == 24\"}]}}\n",
         "p:3:43: warning: this condition can never hold"},
        {KIT_HEAD
         "roles: {r: {allow: cat}}\nbind: [{to: anonymous, roles: r, when: \"time.hour < 24\"}]\n",
         "p:4:40: warning: this condition always holds"},
        /* lines of roles */
        {KIT_HEAD
         "roles: {r: {allow: [\"pin/*\", {command: pin/add, where: \"len(args) < 5\"}]}}\n",
         "p:3:56: warning: this condition has no effect: p:3 allows the same without it"},
        {KIT_HEAD "roles: {r: {allow: \"pin/*\"}, s: {inherits: r, allow: pin/ls}}\n",
         "p:3:54: note: p:3 allows this already"},
        {HOUSE "rules: [{id: x, deny: [cat, \"pin/*\"]}]\n",
         "p:5:26: warning: rules deny all of this line to everybody who has the role"},
        /* rules */
        {HOUSE "rules: [{id: x, deny: cat, to: \"group:staff\", except: \"member:alice\"}]\n",
         "p:7:14: warning: the rule 'x' is meant for nobody"},
        {HOUSE "rules: [{id: x, deny: \"pin/*\"}, {id: y, deny: pin/add, to: \"group:staff\"}]\n",
         "p:7:38: warning: the rule 'y' changes nothing: 'x' (p:7) denies all of it already"},
        {HOUSE "rules: [{id: y, deny: \"pin/*\"},\n  {id: x, deny: \"pin/*\"}]\n",
         "p:8:8: warning: the rule 'x' changes nothing: 'y' (p:7)"},
        {HOUSE "rules: [{id: x, deny: pin/add}, {id: y, deny: pin/rm},\n"
               "  {id: z, deny: [\"pin/{add,rm}\"], when: \"time.hour > 3\"}]\n",
         "p:8:8: warning: the rule 'z' changes nothing: other rules together deny all of it "
         "already"},
        {HOUSE "rules: [{id: x, deny: pin/add}, {id: y, allow: pin/add, to: \"member:bob\"}]\n",
         "warning: the rule 'y' changes nothing: 'x' (p:7) denies all of it already"},
        {HOUSE "rules: [{id: y, allow: pin/add, to: \"member:bob\"}]\n",
         "warning: the rule 'y' allows nothing new"},
        {HOUSE "rules: [{id: y, deny: \"key/*\"}]\n", "note: the rule 'y' denies nothing today"},
        /* tests */
        {HOUSE "tests: [{as: alice, call: add, expect: allow}]\n",
         "p:7:27: error: member:alice: add is denied by 'default', but the test expects allow"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out = {0};

        check(cases[i].yaml, &out);
        if (out.data == NULL || strstr(out.data, cases[i].finding) == NULL)
            print_message("%s  found: %s  but not: %s\n", cases[i].yaml,
                          out.data != NULL ? out.data : "nothing\n", cases[i].finding);
        text_dispose(&out);
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out = {0};

        check(cases[i].yaml, &out);
        assert_true(out.data != NULL && strstr(out.data, cases[i].finding) != NULL);
        text_dispose(&out);
    }
}

static void test_check_keeps_quiet_about_what_may_be_meant(void **state)
{
    static const char *const fine[] = {
        HOUSE "rules: [{id: x, deny: cat, when: \"time.hour > 22\"}]\n",
        HOUSE "rules: [{id: x, deny: pin/add, when: \"has(opt.name) and opt.name == 'a'\"}]\n",
        HOUSE
        "rules: [{id: x, deny: pin/add, unless: \"opt.name like 'a*' and opt.name like '*b'\"}]\n",
        HOUSE "rules: [{id: x, deny: cat, when: \"net.src in 10.0.0.0/8 and not (net.src in "
              "10.1.0.0/16)\"}]\n",
        KIT_HEAD "members: {alice: {attributes: {certificate: \"dns:a.example\"}}}\n"
                 "roles: {r: {allow: \"pin/{ls,verify}\"}}\n"
                 "bind: [{to: \"member:alice\", roles: r}]\n",
        HOUSE "rules: [{id: x, deny: pin/add, unless: \"len(args) > 5 and len(args) < 7\"}]\n",
        HOUSE "rules: [{id: x, deny: pin/add, to: \"group:staff\"}, {id: y, deny: pin/add, to: "
              "\"member:bob\"}]\n",
        HOUSE "rules: [{id: x, deny: \"pin/*\", when: \"time.hour == 1\"}, {id: y, deny: pin/add, "
              "when: \"time.hour == 2\"}]\n",
        HOUSE "rules: [{id: x, deny: pin/add, mode: report}, {id: y, deny: pin/add, when: "
              "\"time.hour == 2\"}]\n",
        HOUSE "rules: [{id: x, allow: ls, to: \"*\"}]\n",
        HOUSE "rules: [{id: x, deny: cat, when: \"principal.id == 'alice' and 'staff' in "
              "principal.groups\"}]\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
        struct text out = {0}, yaml = {0};

        text_put_format(
            &yaml,
            "%stests: [{as: alice, call: pin/verify, expect: allow, at: 2026-05-06T10:00:00Z}]\n",
            fine[i]);
        check(yaml.data, &out);
        if (out.size > 0)
            fail_msg("%s%s", yaml.data, out.data);
        text_dispose(&out);
        text_dispose(&yaml);
    }
}

/* --- Mistakes seeded into the sample policies --- */

#define SAMPLES "../../../deploy/policy/"

static void load(const char *path, struct policy_sources *sources)
{
    struct error err = {0};

    if (!policy_sources_read(sources, path, SOURCE_NAMES_SHORT, &err))
        fail_msg("%s", err.text);
}

/* How many errors and warnings there are; the first of them in text. */
static size_t find(const struct policy_sources *sources, struct text *text)
{
    struct findings findings = {0};
    struct policy_test_counts tests;
    const struct policy *policy;
    struct error err = {0};
    size_t count;

    if (policy_compile(&policy, sources->items, sources->count, &findings, &err))
        policy_check(policy, UINT64_C(1778075100000), NULL, &findings, &tests);
    policy_unref(&policy);
    count = findings.counts[FINDING_ERROR] + findings.counts[FINDING_WARNING];
    for (size_t i = 0; i < findings.count && text->size == 0; i++)
        if (findings.items[i].level != FINDING_NOTE)
            finding_put(&findings.items[i], text);
    findings_dispose(&findings);
    return count;
}

static void test_check_has_nothing_against_the_samples(void **state)
{
    static const char *const samples[] = {"lab.yaml", "archive", "mirror.yaml"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct policy_sources sources;
        struct text first = {0};
        char path[128];

        snprintf(path, sizeof(path), SAMPLES "%s", samples[i]);
        load(path, &sources);
        if (find(&sources, &first) > 0)
            fail_msg("%s: %s", samples[i], first.data);
        text_dispose(&first);
        policy_sources_dispose(&sources);
    }
}

/* Puts `after` where `before` stands, which it does once, and looks whether that is found. */
static void seed(const char *sample, const char *before, const char *after)
{
    struct policy_sources sources;
    struct text found = {0}, changed = {0};
    char path[128];
    size_t places = 0;

    snprintf(path, sizeof(path), SAMPLES "%s", sample);
    load(path, &sources);
    for (size_t i = 0; i < sources.count; i++) {
        struct slice *bytes = &sources.items[i].bytes;
        const char *at = memmem(bytes->data, bytes->size, before, strlen(before));

        if (at == NULL)
            continue;
        places++;
        text_put(&changed, bytes->data, (size_t)(at - bytes->data));
        text_put_text(&changed, after);
        at += strlen(before);
        text_put(&changed, at, bytes->size - (size_t)(at - bytes->data));
        free((char *)bytes->data);
        *bytes = text_slice(&changed);
        changed = (struct text){0};
    }
    if (places != 1)
        fail_msg("%s: '%s' stands in %zu files", sample, before, places);
    if (find(&sources, &found) == 0)
        fail_msg("%s: '%s' instead of '%s' was not found", sample, after, before);
    text_dispose(&found);
    policy_sources_dispose(&sources);
}

static void test_check_finds_mistakes_seeded_into_the_samples(void **state)
{
    static const struct {
        const char *sample, *before, *after;
    } seeds[] = {
        /* typos */
        {"lab.yaml", "members:", "member:"},
        {"lab.yaml", "groups: [staff]", "groups: [stuff]"},
        {"lab.yaml", "attributes: {clearance: 3}", "attributes: {clearence: 3}"},
        {"lab.yaml", "inherits: [reader]", "inherits: [raeder]"},
        {"lab.yaml", "\"name/resolve\"", "\"name/reslove\""},
        {"lab.yaml", "\"pin/{add,rm,update}\"", "\"pin/{add,rm,udpate}\""},
        {"lab.yaml", "allow: [class:tool", "allow: [class:tools"},
        {"lab.yaml", "rights: [read-any", "rights: [read_any"},
        {"lab.yaml", "roles: [writer]}", "role: [writer]}"},
        {"lab.yaml", "to: \"group:everyone\"", "to: \"group:everybody\""},
        {"lab.yaml", "{to: \"member:mara\"", "{to: \"member:marra\""},
        {"lab.yaml", "net.src in $campus", "net.src in $kampus"},
        {"lab.yaml", "time.hour in 0..5", "time.hours in 0..5"},
        {"lab.yaml", "deny: pin/add", "deny: pin/ad"},
        {"lab.yaml", "opt.recursive) and len(args)", "opt.recursiv) and len(args)"},
        {"lab.yaml", "len(args) <= 100", "len(arg) <= 100"},
        {"lab.yaml", "req.content_length > 20GiB", "req.content_length > 20Gib"},
        {"lab.yaml", "attributes.clearance >= 3", "attributes.clearence >= 3"},
        {"lab.yaml", "mode: report", "mode: reporting"},
        {"lab.yaml", "expires: 2099-09-30", "expire: 2099-09-30"},
        {"lab.yaml", "version: 1", "version: 1.0"},
        {"archive", "cid.codec(arg) in $kept", "cid.codec(arg) in [dag-pb]"},
        {"archive", "[dag-pb, raw, dag-cbor]", "[dag-pb, raw, dag_cbor]"},
        {"archive", "'sha2-256'", "'sha-256'"},
        {"archive", "unless: \"time.weekday", "unles: \"time.weekday"},
        {"archive", "[mon, tue, wed, thu, fri]", "[mon, tue, wed, thur, fri]"},
        {"archive", "to: \"group:depositors\"\n    message",
         "to: \"group:depositor\"\n    message"},
        {"archive", "has(opt.only-hash) and", "has(opt.onlyhash) and"},
        {"mirror.yaml", "opt.cid-version == 1", "opt.cid_version == 1"},
        {"mirror.yaml", "arg.path under '/packages/incoming'",
         "arg.path under 'packages/incoming'"},
        {"mirror.yaml", "except: \"member:olga\"", "except: \"olga\""},
        {"mirror.yaml", "opt.key == 'packages'", "opt.key = 'packages'"},
        {"mirror.yaml", "\"fd00::/8\"]", "\"fd00::/8x\"]"},

        /* patterns that reach further */
        {"lab.yaml", "\"pin/{add,rm,update}\"", "\"pin/**\""},
        {"lab.yaml", "\"files/{ls,mkdir,read,rm,write}\", where", "\"files/*\", where"},
        {"lab.yaml", "allow: [\"key/{gen,ls,list}\"", "allow: [\"key/*\""},
        {"lab.yaml", "\"repo/stat\"]", "\"repo/*\"]"},
        {"lab.yaml", "class:read, id", "class:read, class:network"},
        {"lab.yaml", "class:read, id", "\"**\", id"},
        {"lab.yaml", "class:read, id", "\"*\", id"},
        {"lab.yaml", "allow: [add, \"pin/add\", version]", "allow: [\"**\"]"},
        {"lab.yaml", "where: \"arg.path under '/home/' + principal.id\"",
         "where: \"arg.path under '/home'\""},
        {"lab.yaml", "(not has(args[0].path) or args[0].path under '/home/' + principal.id)",
         "true"},
        {"lab.yaml", "[10.0.0.0/8, 192.0.2.0/24]", "[0.0.0.0/0]"},
        {"lab.yaml", "time.hour in 0..5", "time.hour in 0..23"},
        {"lab.yaml", "{to: anonymous, roles: [reader]", "{to: anonymous, roles: [writer]"},
        {"lab.yaml", "roles: [publisher], when: \"time.hour in 0..5\"", "roles: [publisher]"},
        {"lab.yaml", "to: \"group:students\"", "to: \"group:robots\""},
        {"lab.yaml", "> 20GiB", "> 20TiB"},
        {"archive", "refs]", "\"re*\"]"},
        {"archive", "\"pin/{add,ls}\"", "\"pin/*\""},
        {"archive", "- add\n", "- class:write\n"},
        {"archive", "{to: anonymous, roles: [visitor]}", "{to: anonymous, roles: [depositor]}"},
        {"archive", "'museum-*'", "'*'"},
        {"archive", "time.hour in 7..16", "time.hour in 7..17"},
        {"archive", "and cid.hash", "or cid.hash"},
        {"mirror.yaml", "\"files/{cp,ls,mkdir,rm,stat}\"", "\"files/*\""},
        {"mirror.yaml", "cat, get, \"block/get\"", "cat, \"*et\", class:read, \"block/get\""},
        {"mirror.yaml", "{to: [anonymous, \"member:*\"], roles: [fetch]",
         "{to: [anonymous, \"member:*\"], roles: [sync]"},
        {"mirror.yaml", "net.src in 10.9.0.0/24", "net.src in 10.9.0.0/16"},
        {"mirror.yaml", "{to: \"partner:*\", roles: [fetch]}",
         "{to: \"partner:*\", roles: [operator]}"},

        /* rules that are dead, or lost */
        {"lab.yaml", "rules:\n",
         "rules:\n  - {id: again, deny: pin/add, to: \"group:students\", unless: \"len(args) <= "
         "100\"}\n  - {id: all-pins, deny: \"pin/*\"}\n"},
        {"lab.yaml", "rules:\n", "rules:\n  - {id: late, deny: add, when: \"time.hour > 23\"}\n"},
        {"lab.yaml", "rules:\n",
         "rules:\n  - {id: none, deny: add, to: \"group:staff\", except: \"group:everyone\"}\n"},
        {"lab.yaml", "rules:\n",
         "rules:\n  - {id: more, allow: \"pin/ls\", to: \"group:everyone\"}\n"},
        {"lab.yaml", "deny: pin/add\n    unless", "deny: pin/add\n    when"},
        {"lab.yaml", "unless: \"attributes.clearance >= 3\"",
         "unless: \"attributes.clearance >= 3 or true\""},
        {"lab.yaml", "roles:\n", "roles:\n  unused: {allow: add}\n"},
        {"archive", "rules:\n", "rules:\n  - {id: no-refs, deny: refs}\n"},
        {"archive", "rules:\n",
         "rules:\n  - {id: twice, deny: pin/rm, to: anonymous}\n  - {id: twice-too, deny: pin/rm, "
         "to: anonymous}\n"},
        {"mirror.yaml", "rules:\n", "rules:\n  - {id: own-name-2, deny: name/publish}\n"},
        {"mirror.yaml", "to: \"member:sync\"\n", "to: \"member:sync\"\n    except: \"member:*\"\n"},
        {"mirror.yaml", "unless: \"not has(arg.path) or arg.path under '/packages'\"",
         "unless: \"not has(arg.path) or has(arg.path)\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
        seed(seeds[i].sample, seeds[i].before, seeds[i].after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_tells_what_can_hardly_be_meant),
        cmocka_unit_test(test_check_keeps_quiet_about_what_may_be_meant),
        cmocka_unit_test(test_check_has_nothing_against_the_samples),
        cmocka_unit_test(test_check_finds_mistakes_seeded_into_the_samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

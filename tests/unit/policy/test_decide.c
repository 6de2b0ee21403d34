// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

static const char house[] =
    KIT_HEAD "vars:\n"
             "  office: [10.0.0.0/8, 192.0.2.0/24]\n"
             "groups:\n"
             "  staff: {}\n"
             "  interns: {parent: staff}\n"
             "members:\n"
             "  alice: {groups: [staff], attributes: {clearance: 3, home: /lab/alice}}\n"
             "  bob: {groups: [interns], attributes: {clearance: 1}}\n"
             "  carol: {}\n"
             "  dave: {groups: [staff], expires: 2027-01-31}\n"
             "roles:\n"
             "  reader:\n"
             "    allow: [id, version, cat, ls, \"block/{get,stat}\"]\n"
             "  writer:\n"
             "    inherits: [reader]\n"
             "    allow:\n"
             "      - add\n"
             "      - \"pin/{add,ls,rm}\"\n"
             "      - {command: \"files/{ls,stat,mkdir,read,rm}\", where: \"arg.path under "
             "'/home/' + principal.id\"}\n"
             "    rights: [read-any, shared-node]\n"
             "  keeper:\n"
             "    allow: [\"key/**\", class:network]\n"
             "    rights: [shared-node]\n"
             "  guest: {allow: [version]}\n"
             "  storer: {allow: [\"block/*\"]}\n"
             "bind:\n"
             "  - {to: \"group:staff\", roles: [writer]}\n"
             "  - {to: \"member:alice\", roles: [keeper], when: \"net.src in $office\"}\n"
             "  - {to: anonymous, roles: [guest]}\n"
             "  - {to: \"partner:beta\", roles: [storer]}\n"
             "rules:\n"
             "  - id: no-new-keys\n"
             "    deny: [\"key/{gen,import}\"]\n"
             "    except: \"member:carol\"\n"
             "    message: keys are made by carol\n"
             "  - id: pin-shape\n"
             "    deny: pin/add\n"
             "    unless: \"not has(opt.recursive) or opt.recursive\"\n"
             "  - id: no-cbor\n"
             "    deny: [cat, pin/add]\n"
             "    when: \"cid.codec(arg) == 'dag-cbor'\"\n"
             "    message: dag-cbor is not kept here\n"
             "  - id: small\n"
             "    deny: add\n"
             "    to: \"group:interns\"\n"
             "    when: \"req.content_length > 1MiB\"\n"
             "  - id: carol-resolves\n"
             "    allow: resolve\n"
             "    to: \"member:carol\"\n"
             "  - id: watch-adds\n"
             "    deny: add\n"
             "    mode: report\n"
             "  - id: watch-keys\n"
             "    allow: [\"key/ls\"]\n"
             "    to: \"*\"\n"
             "    mode: report\n";

static int setup(void **state)
{
    *state = (void *)kit_policy(house);
    return 0;
}

static int teardown(void **state)
{
    const struct policy *policy = *state;

    policy_unref(&policy);
    assert_null(policy);
    return 0;
}

static void test_decide_denies_what_nothing_allows(void **state)
{
    const struct policy *policy = *state;

    kit_expect(policy, "alice", "files/cp?arg=/ipfs/" CID_RAW "&arg=/x", "deny default");
    kit_expect(policy, "carol", "cat?arg=" CID_RAW, "deny default");
    kit_expect(policy, "anonymous", "id", "deny default");
    kit_expect(policy, "partner:gamma", "block/get?arg=" CID_RAW, "deny default");
    kit_expect(policy, "operator:root", "version", "deny default");
    kit_expect(policy, "zoe", "version", "deny unknown-member");
}

static void test_decide_allows_by_roles_inherited_and_bound_through_groups(void **state)
{
    const struct policy *policy = *state;

    kit_expect(policy, "alice", "add", "allow role:writer");
    kit_expect(policy, "alice", "cat?arg=" CID_RAW, "allow role:reader");
    kit_expect(policy, "bob", "pin/ls", "allow role:writer");
    kit_expect(policy, "carol", "resolve?arg=/ipfs/" CID_RAW, "allow carol-resolves");
    kit_expect(policy, "anonymous", "version", "allow role:guest");
    kit_expect(policy, "partner:beta", "block/get?arg=" CID_RAW, "allow role:storer");
}

static void test_decide_lets_deny_win_over_every_role(void **state)
{
    const struct policy *policy = *state;

    kit_expect(policy, "alice", "key/gen?arg=k", "deny no-new-keys");
    kit_expect(policy, "alice", "cat?arg=" CID_DAG_CBOR, "deny no-cbor");
    kit_expect(policy, "bob", "pin/add?arg=" CID_RAW "&recursive=false", "deny pin-shape");
}

static void test_decide_never_opens_danger_4(void **state)
{
    const struct policy *policy = kit_policy(
        KIT_HEAD "members: {root: {}}\n"
                 "roles: {all: {allow: [\"**\", \"*/*\", \"*\", class:admin, class:repo]}}\n"
                 "bind: [{to: member:root, roles: all}]\n"
                 "rules: [{id: no-config, deny: \"config/**\"}]\n");

    (void)state;
    kit_expect(policy, "root", "repo/gc", "deny never");
    kit_expect(policy, "root", "shutdown", "deny never");
    kit_expect(policy, "root", "config/show", "deny no-config");
    kit_expect(policy, "root", "diag/sys", "allow role:all");
    policy_unref(&policy);
}

static void test_decide_demands_a_condition_of_every_argument(void **state)
{
    const struct policy *policy = *state;

    kit_expect(policy, "alice", "files/mkdir?arg=/home/alice/x", "allow role:writer");
    kit_expect(policy, "alice", "files/rm?arg=/home/alice/x&arg=/home/alice/y",
               "allow role:writer");
    kit_expect(policy, "alice", "files/rm?arg=/home/alice/x&arg=/home/bob/y", "deny default");
    kit_expect(policy, "alice", "files/mkdir?arg=/home/alicebob", "deny default");
    kit_expect(policy, "bob", "files/read?arg=//home/./bob//x", "allow role:writer");
    kit_expect(policy, "alice", "files/ls", "deny default"); /* the root, since there is none */
    kit_expect(policy, "alice", "pin/add?arg=" CID_RAW "&arg=" CID_DAG_CBOR, "deny no-cbor");
    kit_expect(policy, "alice", "pin/add?arg=" CID_RAW "&arg=" CID_DAG_PB, "allow role:writer");
}

static void test_decide_counts_missing_values_against_the_caller(void **state)
{
    const struct policy *policy = *state;
    struct principal bob = kit_principal("bob");
    struct policy_request request = {.content_length = -1};

    /* a deny rule with a missing value denies */
    kit_expect(policy, "bob", "add", "deny small");
    request.content_length = 1 << 20;
    assert_true(kit_decide(policy, &bob, "add", &request).is_allowed);
    request.content_length++;
    assert_false(kit_decide(policy, &bob, "add", &request).is_allowed);
    /* a name is not resolved, so its codec is not known */
    kit_expect(policy, "alice", "cat?arg=/ipns/docs.example", "deny no-cbor");
    kit_expect(policy, "alice", "cat?arg=/ipfs/" CID_DAG_PB "/a", "deny no-cbor");
    /* a binding with a missing value does not bind */
    kit_expect(policy, "alice", "key/ls", "deny default");
}

static void test_decide_binds_under_circumstances(void **state)
{
    const struct policy *policy = *state;
    struct principal alice = kit_principal("alice");
    struct sockaddr_in inside = kit_address("10.1.2.3"), outside = kit_address("203.0.113.9");

    alice.peer = (struct sockaddr *)&inside;
    assert_true(kit_decide(policy, &alice, "key/ls", NULL).is_allowed);
    assert_int_equal(kit_decide(policy, &alice, "key/ls", NULL).rights,
                     RIGHT_READ_ANY | RIGHT_SHARED_NODE);
    alice.peer = (struct sockaddr *)&outside;
    assert_false(kit_decide(policy, &alice, "key/ls", NULL).is_allowed);
    assert_int_equal(kit_decide(policy, &alice, "add", NULL).rights,
                     RIGHT_READ_ANY | RIGHT_SHARED_NODE);
}

static void test_decide_demands_a_right_for_what_all_share(void **state)
{
    static const struct slice plain[] = {{"plain", 5}};
    const struct policy *policy = kit_policy(
        KIT_HEAD
        "members: {alice: {}, bob: {}, root: {}}\n"
        "roles:\n"
        "  plain: {allow: [class:files, class:key, class:pubsub, class:network, class:repo, "
        "class:remote-pin, class:write, class:pin]}\n"
        "  sharer: {inherits: [plain], rights: [shared-node]}\n"
        "  away: {rights: [shared-node]}\n"
        "bind:\n"
        "  - {to: member:alice, roles: plain}\n"
        "  - {to: member:bob, roles: plain}\n"
        "  - {to: member:bob, roles: away, when: net.src in 10.0.0.0/8}\n"
        "  - {to: member:root, roles: sharer}\n"
        "rules: [{id: all-pub, allow: pubsub/pub, to: anonymous}]\n");
    static const char *const shared[] = {"files/ls",        "files/stat?arg=/docs",
                                         "key/ls",          "key/gen?arg=k",
                                         "pubsub/ls",       ("name/publish?arg=/ipfs/" CID_RAW),
                                         "refs/local",      "repo/ls",
                                         "bitswap/stat",    "stats/bitswap",
                                         "pin/remote/ls",   ("routing/provide?arg=" CID_RAW),
                                         "add?to-files=/x", "ping?arg=QmPeer"};
    struct principal bob = kit_principal("bob"), root = kit_principal("root");
    struct sockaddr_in inside = kit_address("10.1.2.3");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
        kit_expect(policy, "alice", shared[i], "deny right");
        kit_expect(policy, "root", shared[i], "allow role:plain");
    }
    kit_expect(policy, "anonymous", "pubsub/pub?arg=u", "deny right");
    kit_expect(policy, "alice", "files/stat?arg=/ipfs/" CID_RAW, "allow role:plain");
    kit_expect(policy, "alice", "add", "allow role:plain");
    kit_expect(policy, "alice", "stats/provide", "allow role:plain");
    kit_expect(policy, "bob", "key/ls", "deny right");
    assert_int_equal(policy_access(policy, &bob, COMMAND_KEY_LS), ACCESS_CONDITIONAL);
    bob.peer = (struct sockaddr *)&inside;
    assert_true(kit_decide(policy, &bob, "key/ls", NULL).is_allowed);
    /* a token has the rights of its roles and no others */
    root.token_roles = plain;
    root.token_role_count = 1;
    assert_int_equal(kit_decide(policy, &root, "key/ls", NULL).cause, DECISION_RIGHT);
    assert_int_equal(kit_decide(policy, &root, "key/ls", NULL).needed, RIGHT_SHARED_NODE);
    assert_int_equal(policy_access(policy, &root, COMMAND_KEY_LS), ACCESS_DENIED);
    assert_int_equal(policy_access(policy, &root, COMMAND_ADD), ACCESS_ALLOWED);
    policy_unref(&policy);
}

static void test_decide_ends_a_membership_at_its_moment(void **state)
{
    const struct policy *policy = *state;
    struct principal dave = kit_principal("dave");
    struct policy_request request = {.now_ms = UINT64_C(1801353600000) - 1, .content_length = 0};

    assert_true(kit_decide(policy, &dave, "add", &request).is_allowed);
    request.now_ms++;
    assert_int_equal(kit_decide(policy, &dave, "add", &request).cause, DECISION_EXPIRED);
    request.now_ms = 0;
    assert_int_equal(kit_decide(policy, &dave, "add", &request).cause, DECISION_EXPIRED);
    request.ignores_expiry = true;
    assert_true(kit_decide(policy, &dave, "add", &request).is_allowed);
}

static void test_decide_narrows_by_token_roles(void **state)
{
    static const struct slice reader[] = {{"reader", 6}}, keeper[] = {{"keeper", 6}},
                              gone[] = {{"gone", 4}};
    const struct policy *policy = *state;
    struct principal alice = kit_principal("alice");

    alice.token_roles = reader;
    alice.token_role_count = 1;
    assert_true(kit_decide(policy, &alice, "cat?arg=" CID_RAW, NULL).is_allowed);
    assert_int_equal(kit_decide(policy, &alice, "cat?arg=" CID_RAW, NULL).rights, 0);
    assert_int_equal(kit_decide(policy, &alice, "add", NULL).cause, DECISION_TOKEN);
    /* a role that she does not have gives nothing */
    alice.token_roles = keeper;
    assert_int_equal(kit_decide(policy, &alice, "key/ls", NULL).cause, DECISION_DEFAULT);
    assert_int_equal(kit_decide(policy, &alice, "version", NULL).cause, DECISION_TOKEN);
    alice.token_roles = gone;
    assert_int_equal(kit_decide(policy, &alice, "version", NULL).cause, DECISION_TOKEN);
    alice.token_role_count = 0;
    assert_int_equal(kit_decide(policy, &alice, "version", NULL).cause, DECISION_TOKEN);
}

static void test_decide_reports_without_blocking(void **state)
{
    const struct policy *policy = *state;
    struct principal alice = kit_principal("alice");
    struct decision decision = kit_decide(policy, &alice, "add", NULL);

    assert_true(decision.is_allowed);
    assert_int_equal(decision.report_count, 1);
    assert_true(decision.reports[0].would_change);
    assert_true(slice_is(policy_rule(policy, decision.reports[0].rule)->id, "watch-adds"));
    decision = kit_decide(policy, &alice, "key/ls", NULL);
    assert_false(decision.is_allowed);
    assert_int_equal(decision.report_count, 1);
    assert_true(decision.reports[0].would_change);
    assert_int_equal(kit_decide(policy, &alice, "pin/ls", NULL).report_count, 0);
}

static void test_decide_opens_everything_but_the_worst_in_report_mode(void **state)
{
    static const struct slice reader[] = {{"reader", 6}};
    const struct policy *policy =
        kit_policy(KIT_HEAD "mode: report\nmembers: {alice: {}}\n"
                            "roles: {reader: {allow: cat}}\n"
                            "bind: [{to: member:alice, roles: reader}]\n"
                            "rules: [{id: no-cat, deny: cat}, {id: no-gc, deny: [\"repo/*\"]}]\n");
    struct principal alice = kit_principal("alice");
    struct decision decision = kit_decide(policy, &alice, "cat?arg=" CID_RAW, NULL);

    (void)state;
    assert_true(decision.is_allowed && decision.is_report);
    assert_true(slice_is(decision.id, "no-cat"));
    decision = kit_decide(policy, &alice, "add", NULL);
    assert_true(decision.is_allowed && decision.is_report);
    assert_int_equal(decision.cause, DECISION_DEFAULT);
    kit_expect(policy, "alice", "repo/gc", "deny no-gc");
    kit_expect(policy, "alice", "shutdown", "deny never");
    kit_expect(policy, "partner:beta", "version", "deny default");
    kit_expect(policy, "zoe", "version", "deny unknown-member");
    alice.token_roles = reader;
    alice.token_role_count = 1;
    assert_false(kit_decide(policy, &alice, "add", NULL).is_allowed);
    assert_true(kit_decide(policy, &alice, "cat?arg=" CID_RAW, NULL).is_allowed);
    policy_unref(&policy);
}

static void test_decide_waits_for_arguments_in_the_body(void **state)
{
    const struct policy *policy = kit_policy(
        KIT_HEAD "members: {alice: {}}\n"
                 "roles: {r: {allow: [{command: pin/add, where: \"arg like 'bafy*' and len(args) "
                 "<= 2\"}, pin/rm]}}\n"
                 "bind: [{to: member:alice, roles: r}]\n"
                 "rules: [{id: no-cbor, deny: pin/rm, when: \"cid.codec(arg) == 'dag-cbor'\"}]\n");
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"file\"; "
                               "filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                               "%s\r\n--b--\r\n";
    static const struct {
        const char *target, *arguments;
        bool first, second;
    } cases[] = {
        {"/api/v0/pin/add", CID_DAG_PB, true, true},
        {"/api/v0/pin/add", CID_RAW, true, false}, /* bafk.. */
        {"/api/v0/pin/add?arg=" CID_RAW, CID_DAG_PB, false, false},
        {"/api/v0/pin/add?arg=" CID_DAG_PB, CID_DAG_PB, true, true},
        {"/api/v0/pin/add?arg=" CID_DAG_PB, CID_DAG_PB "\n" CID_DAG_PB, true, false},
        {"/api/v0/pin/rm", CID_DAG_PB, true, true},
        {"/api/v0/pin/rm", CID_DAG_PB "\n" CID_DAG_CBOR, true, false},
        {"/api/v0/pin/rm?arg=" CID_DAG_CBOR, CID_DAG_PB, false, false},
    };
    struct principal alice = kit_principal("alice");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct policy_request request = {.content_length = 100};
        struct decision decision;
        struct error err = {0};
        struct call *call;
        char text[1024];

        assert_true(call_parse(&call, slice_of(cases[i].target), true, &err));
        policy_decide(policy, &alice, call, &request, &decision);
        assert_int_equal(decision.is_allowed, cases[i].first);
        assert_int_equal(decision.is_final, !cases[i].first);
        snprintf(text, sizeof(text), body, cases[i].arguments);
        assert_true(call_body_arguments(call, slice_of(text),
                                        SLICE("multipart/form-data; boundary=b"), &err));
        policy_decide(policy, &alice, call, &request, &decision);
        assert_int_equal(decision.is_allowed, cases[i].second);
        assert_true(decision.is_final);
        call_destroy(&call);
    }
    policy_unref(&policy);
}

static void test_decide_waits_for_names_that_will_be_resolved(void **state)
{
    const struct policy *policy = *state;
    struct principal alice = kit_principal("alice");
    struct policy_request request = {.content_length = 0, .pending = PENDING_NAMES};
    struct decision decision = kit_decide(policy, &alice, "cat?arg=/ipns/docs.example", &request);

    assert_true(decision.is_allowed);
    assert_false(decision.is_final);
    decision = kit_decide(policy, &alice, "cat?arg=" CID_DAG_CBOR, &request);
    assert_false(decision.is_allowed);
    decision = kit_decide(policy, &alice, "cat?arg=" CID_DAG_PB, &request);
    assert_true(decision.is_allowed && decision.is_final);
}

static void test_decide_says_where_and_why(void **state)
{
    const struct policy *policy = *state;
    struct principal alice = kit_principal("alice");
    struct call *call = kit_call("key/gen?arg=k");
    struct policy_request request = {.content_length = 0};
    struct decision decision;
    struct text reason = {0};

    policy_decide(policy, &alice, call, &request, &decision);
    assert_string_equal(decision.place->file, "policy.yaml");
    assert_int_equal(decision.place->line, 34);
    decision_put_reason(policy, &decision, &alice, call, &reason);
    assert_string_equal(reason.data,
                        "key/gen is denied to member:alice by the rule 'no-new-keys' "
                        "(policy.yaml:34): keys are made by carol; who runs this gateway can "
                        "change the rule");
    text_dispose(&reason);
    call_destroy(&call);
    decision = kit_decide(policy, &alice, "cat?arg=" CID_RAW, NULL);
    assert_int_equal(decision.place->line, 15);
    decision = kit_decide(policy, &alice, "cat?arg=" CID_DAG_CBOR, NULL);
    assert_true(slice_is(decision.clause, "cid.codec(arg) == 'dag-cbor'"));
}

static void test_decide_knows_access_before_there_is_a_call(void **state)
{
    static const struct {
        const char *who;
        enum command_id command;
        enum policy_access access;
    } cases[] = {
        {"alice", COMMAND_ADD, ACCESS_ALLOWED},
        {"bob", COMMAND_ADD, ACCESS_CONDITIONAL},
        {"alice", COMMAND_KEY_LS, ACCESS_CONDITIONAL},
        {"alice", COMMAND_KEY_GEN, ACCESS_DENIED},
        {"alice", COMMAND_FILES_LS, ACCESS_CONDITIONAL},
        {"alice", COMMAND_FILES_CP, ACCESS_DENIED},
        {"alice", COMMAND_REPO_GC, ACCESS_NEVER},
        {"carol", COMMAND_RESOLVE, ACCESS_ALLOWED},
        {"zoe", COMMAND_VERSION, ACCESS_DENIED},
        {"anonymous", COMMAND_VERSION, ACCESS_ALLOWED},
    };
    const struct policy *policy = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct principal principal = kit_principal(cases[i].who);

        assert_int_equal(policy_access(policy, &principal, cases[i].command), cases[i].access);
    }
}

static void test_decide_shows_members_with_their_groups_and_attributes(void **state)
{
    const struct policy *policy = *state;
    const struct policy_member *bob = policy_member_find(policy, SLICE("bob"));

    assert_int_equal(policy_member_count(policy), 4);
    assert_int_equal(bob->group_count, 2);
    assert_true(slice_is(bob->groups[0], "interns"));
    assert_true(slice_is(bob->groups[1], "staff"));
    assert_true(slice_is(bob->attributes[0].value, "1"));
    assert_null(policy_member_find(policy, SLICE("zoe")));
    assert_int_equal(strlen(policy_hash(policy)), 64);
    assert_true(slice_is(policy_org(policy), "lab.example"));
    assert_true(policy_has_role(policy, SLICE("reader")));
    assert_false(policy_has_role(policy, SLICE("staff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_denies_what_nothing_allows),
        cmocka_unit_test(test_decide_allows_by_roles_inherited_and_bound_through_groups),
        cmocka_unit_test(test_decide_lets_deny_win_over_every_role),
        cmocka_unit_test(test_decide_never_opens_danger_4),
        cmocka_unit_test(test_decide_demands_a_condition_of_every_argument),
        cmocka_unit_test(test_decide_counts_missing_values_against_the_caller),
        cmocka_unit_test(test_decide_binds_under_circumstances),
        cmocka_unit_test(test_decide_demands_a_right_for_what_all_share),
        cmocka_unit_test(test_decide_ends_a_membership_at_its_moment),
        cmocka_unit_test(test_decide_narrows_by_token_roles),
        cmocka_unit_test(test_decide_reports_without_blocking),
        cmocka_unit_test(test_decide_opens_everything_but_the_worst_in_report_mode),
        cmocka_unit_test(test_decide_waits_for_arguments_in_the_body),
        cmocka_unit_test(test_decide_waits_for_names_that_will_be_resolved),
        cmocka_unit_test(test_decide_says_where_and_why),
        cmocka_unit_test(test_decide_knows_access_before_there_is_a_call),
        cmocka_unit_test(test_decide_shows_members_with_their_groups_and_attributes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

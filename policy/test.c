// SPDX-License-Identifier: Apache-2.0
#include "policy/test.h"

#include "conf/address.h"
#include "conf/yaml.h"
#include "policy/ask.h"
#include "policy/policy_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>

enum { FAILURES_TOLD_MAX = 3 }; /* of one test */

struct run {
    const struct policy *policy;
    struct findings *findings;
    const struct document_test *test;
    policy_place_cb place;
    struct policy_request request;
    struct sockaddr_storage from;
    size_t failures;
};

static void fail(struct run *run, const struct yaml_node *node, const char *text)
{
    if (run->failures++ < FAILURES_TOLD_MAX)
        findings_add(run->findings, FINDING_ERROR, yaml_name(node->yaml), node->line, node->column,
                     "%s", text);
}

/* document_tests.c has checked that it is an address. */
static void set_from(struct run *run, struct slice text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&run->from;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&run->from;

    run->from = (struct sockaddr_storage){0};
    if (text.size == 0)
        return;
    if (inet_pton(AF_INET, text.data, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text.data, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
}

static void put_decision(const struct decision *decision, bool is_allowed, struct text *out)
{
    text_put_format(out, "%s by '", is_allowed ? "allowed" : "denied");
    decision_put_by(decision, out);
    text_put_char(out, '\'');
    if (decision->place != NULL)
        text_put_format(out, " (%s:%u)", decision->place->file, decision->place->line);
}

static bool is_by(const struct decision *decision, struct slice by)
{
    struct text actual = {0};
    bool is_same;

    decision_put_by(decision, &actual);
    is_same = by.size == 0 || slice_equal(by, text_slice(&actual));
    text_dispose(&actual);
    return is_same;
}

static void check_one(struct run *run, const struct principal *who, const struct document_ref *ref,
                      const struct asked_call *asked, bool expects_allow)
{
    const struct document_test *test = run->test;
    struct principal principal = *who;
    struct decision decision;
    struct text text = {0};
    bool is_allowed;

    principal.token_roles = test->roles;
    principal.token_role_count = test->role_count;
    if (run->from.ss_family != 0)
        principal.peer = (const struct sockaddr *)&run->from;
    run->request.pending = asked->is_incomplete ? PENDING_ARGUMENTS : 0;
    policy_decide(run->policy, &principal, asked->call, &run->request, &decision);
    is_allowed = decision.is_allowed && !decision.is_report;
    if (decision.is_final && is_allowed == expects_allow && is_by(&decision, test->by.name))
        return;
    principal_put(&text, &principal);
    text_put_format(&text, ": %.*s ", SLICE_ARGS(ref->name));
    if (!decision.is_final) {
        text_put_text(&text, "depends on its arguments: write them into the test");
    } else {
        text_put_text(&text, "is ");
        put_decision(&decision, is_allowed, &text);
        text_put_format(&text, ", but the test expects %s", expects_allow ? "allow" : "deny");
        if (test->by.name.size > 0)
            text_put_format(&text, " by '%.*s'", SLICE_ARGS(test->by.name));
    }
    fail(run, ref->node, text.data);
    text_dispose(&text);
}

/* --- Who is meant --- */

static struct principal member_principal(const struct policy *policy, size_t index)
{
    return (struct principal){.kind = PRINCIPAL_MEMBER, .id = policy->document.members[index].id};
}

static bool is_in_group(const struct policy *policy, size_t member, struct slice group)
{
    const struct policy_member *shown = &policy->members[member];

    for (size_t i = 0; i < shown->group_count; i++)
        if (slice_equal(shown->groups[i], group))
            return true;
    return false;
}

static bool means_member(const struct policy *policy, const struct subject *subject, size_t member)
{
    switch (subject->kind) {
    case SUBJECT_EVERYONE:
    case SUBJECT_MEMBERS:
        return true;
    case SUBJECT_MEMBER:
        return subject->ref.index == member;
    case SUBJECT_GROUP:
        return is_in_group(policy, member, policy->document.groups[subject->ref.index].id);
    default:
        return false;
    }
}

static bool means(const struct policy *policy, const struct subjects *subjects,
                  const struct principal *principal, size_t member)
{
    for (size_t i = 0; i < subjects->count; i++) {
        const struct subject *subject = &subjects->items[i];

        if (principal->kind == PRINCIPAL_MEMBER
                ? means_member(policy, subject, member)
                : subject->kind == SUBJECT_EVERYONE ||
                      (principal->kind == PRINCIPAL_ANONYMOUS &&
                       subject->kind == SUBJECT_ANONYMOUS) ||
                      (principal->kind == PRINCIPAL_PARTNER &&
                       (subject->kind == SUBJECT_PARTNERS ||
                        (subject->kind == SUBJECT_PARTNER &&
                         slice_equal(subject->ref.name, principal->id)))))
            return true;
    }
    return false;
}

/* A partner that no line of the policy names. */
static const struct principal stranger = {.kind = PRINCIPAL_PARTNER, .id = {"any-other", 9}};
static const struct principal anonymous = {.kind = PRINCIPAL_ANONYMOUS};

/* `as`: everyone who is meant must be decided on as expected. */
static void check_as(struct run *run, const struct document_ref *ref,
                     const struct asked_call *asked)
{
    const struct policy *policy = run->policy;
    const struct document_test *test = run->test;

    for (size_t i = 0; i < policy->document.member_count; i++) {
        struct principal principal = member_principal(policy, i);

        if (means(policy, &test->as, &principal, i))
            check_one(run, &principal, ref, asked, test->expects_allow);
    }
    for (size_t i = 0; i < test->as.count; i++) {
        const struct subject *subject = &test->as.items[i];
        struct principal principal = {.kind = PRINCIPAL_PARTNER, .id = subject->ref.name};

        if (subject->kind == SUBJECT_PARTNER)
            check_one(run, &principal, ref, asked, test->expects_allow);
        else if (subject->kind == SUBJECT_PARTNERS)
            check_one(run, &stranger, ref, asked, test->expects_allow);
        else if (subject->kind == SUBJECT_ANONYMOUS)
            check_one(run, &anonymous, ref, asked, test->expects_allow);
    }
}

/* `only`: who is meant is allowed, and nobody else of all there are. */
static void check_only(struct run *run, const struct document_ref *ref,
                       const struct asked_call *asked)
{
    const struct policy *policy = run->policy;
    const struct subjects *meant = &run->test->as;
    struct slice name;

    for (size_t i = 0; i < policy->document.member_count; i++) {
        struct principal principal = member_principal(policy, i);

        check_one(run, &principal, ref, asked, means(policy, meant, &principal, i));
    }
    for (size_t cursor = 0; names_next(&policy->partners, &cursor, &name);) {
        struct principal principal = {.kind = PRINCIPAL_PARTNER, .id = name};

        check_one(run, &principal, ref, asked, means(policy, meant, &principal, 0));
    }
    for (size_t i = 0; i < meant->count; i++) {
        struct principal principal = {.kind = PRINCIPAL_PARTNER, .id = meant->items[i].ref.name};

        if (meant->items[i].kind == SUBJECT_PARTNER &&
            names_find(&policy->partners, principal.id) == NAMES_NONE)
            check_one(run, &principal, ref, asked, true);
    }
    check_one(run, &stranger, ref, asked, means(policy, meant, &stranger, 0));
    check_one(run, &anonymous, ref, asked, means(policy, meant, &anonymous, 0));
}

/* --- Quotas --- */

static bool expects_quota(const struct document_test *test, size_t quota)
{
    for (size_t i = 0; i < test->quota_count; i++)
        if (test->quotas[i] == quota)
            return true;
    return false;
}

static void check_quotas_of(struct run *run, const struct principal *who)
{
    const struct policy *policy = run->policy;
    const struct document_test *test = run->test;
    struct principal principal = *who;
    struct text text = {0};

    if (principal.kind == PRINCIPAL_MEMBER)
        principal.token_id = SLICE("any"); /* as members call */
    for (size_t i = 0; i < policy_quota_count(policy); i++) {
        const struct policy_quota *quota = policy_quota(policy, i);
        bool applies = policy_quota_applies(policy, quota, &principal);

        if (applies == expects_quota(test, i))
            continue;
        text_clear(&text);
        principal_put(&text, &principal);
        text_put_format(&text, ": the quota '%.*s' (%s:%u) %s, but the test does%s name it",
                        SLICE_ARGS(quota->id), quota->place.file, quota->place.line,
                        applies ? "applies" : "does not apply", applies ? " not" : "");
        fail(run, test->quotas_node, text.data);
    }
    text_dispose(&text);
}

static void run_quota_test(struct run *run)
{
    const struct policy *policy = run->policy;
    const struct document_test *test = run->test;

    for (size_t i = 0; i < policy->document.member_count; i++) {
        struct principal principal = member_principal(policy, i);

        if (means(policy, &test->as, &principal, i))
            check_quotas_of(run, &principal);
    }
    for (size_t i = 0; i < test->as.count; i++) {
        const struct subject *subject = &test->as.items[i];
        struct principal partner = {.kind = PRINCIPAL_PARTNER, .id = subject->ref.name};

        if (subject->kind == SUBJECT_ANONYMOUS)
            check_quotas_of(run, &anonymous);
        else if (subject->kind == SUBJECT_PARTNER)
            check_quotas_of(run, &partner);
        else if (subject->kind == SUBJECT_PARTNERS)
            check_quotas_of(run, &stranger);
    }
}

static void run_place_test(struct run *run)
{
    const struct yaml_node *node = run->test->node;
    struct text why = {0};

    if (run->place == NULL)
        fail(run, node, "tests of placement cannot be run here");
    else if (!run->place(run->policy, run->test->place, &node, &why))
        fail(run, node, why.data);
    text_dispose(&why);
}

static void run_test(struct run *run)
{
    const struct document_test *test = run->test;

    if (test->place != NULL) {
        run_place_test(run);
        return;
    }
    if (test->quotas_node != NULL) {
        run_quota_test(run);
        return;
    }
    set_from(run, test->from.name);
    run->request = (struct policy_request){.now_ms = test->at_ms,
                                           .content_length = test->content_length,
                                           .ignores_expiry = test->at_ms == 0};
    for (size_t i = 0; i < test->call_count; i++) {
        const struct document_ref *ref = &test->calls[i];
        struct asked_call asked;
        struct error err = {0};

        if (!ask_call(&asked, ref->name, &err)) {
            fail(run, ref->node, err.text);
            continue;
        }
        if (test->is_only)
            check_only(run, ref, &asked);
        else
            check_as(run, ref, &asked);
        asked_call_dispose(&asked);
    }
}

bool policy_run_tests(const struct policy *policy, policy_place_cb place, struct findings *findings,
                      struct policy_test_counts *counts)
{
    *counts = (struct policy_test_counts){0};
    for (size_t i = 0; i < policy->document.test_count; i++) {
        struct run run = {.policy = policy,
                          .findings = findings,
                          .place = place,
                          .test = &policy->document.tests[i]};

        run_test(&run);
        if (run.failures == 0) {
            counts->passed++;
            continue;
        }
        counts->failed++;
        if (run.failures > FAILURES_TOLD_MAX)
            findings_add(findings, FINDING_ERROR, yaml_name(run.test->node->yaml),
                         run.test->node->line, run.test->node->column,
                         "this test fails in %zu more ways", run.failures - FAILURES_TOLD_MAX);
    }
    return counts->failed == 0;
}

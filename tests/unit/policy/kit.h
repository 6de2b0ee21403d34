// SPDX-License-Identifier: Apache-2.0
/* Policies, callers and calls out of texts, for the tests of policy/. */
#ifndef TESTS_POLICY_KIT_H
#define TESTS_POLICY_KIT_H

#include "policy/decide.h"
#include "policy/finding.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KIT_HEAD "version: 1\norg: lab.example\n"

/* A CID of each common codec. */
#define CID_DAG_PB   "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
#define CID_RAW      "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
#define CID_DAG_CBOR "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
#define CID_V0       "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"

static inline const struct policy *kit_policy(const char *yaml)
{
    struct policy_source source = {"policy.yaml", slice_of(yaml)};
    const struct policy *policy;
    struct error err = {0};

    if (!policy_compile(&policy, &source, 1, NULL, &err))
        fail_msg("%s", err.text);
    return policy;
}

/* The first mistake of a policy that has to have one. */
static inline void kit_mistake(const char *yaml, char text[508])
{
    struct policy_source source = {"p", slice_of(yaml)};
    const struct policy *policy;
    struct error err = {0};

    if (policy_compile(&policy, &source, 1, NULL, &err))
        fail_msg("no mistake was found in:\n%s", yaml);
    assert_null(policy);
    snprintf(text, 508, "%s", err.text);
}

/* "alice", "partner:beta", "anonymous", "operator:root". */
static inline struct principal kit_principal(const char *who)
{
    struct slice text = slice_of(who);
    const char *colon = strchr(who, ':');
    struct slice id = colon == NULL ? text : slice_of(colon + 1);

    if (slice_is(text, "anonymous"))
        return (struct principal){.kind = PRINCIPAL_ANONYMOUS};
    if (slice_starts(text, "partner:"))
        return (struct principal){.kind = PRINCIPAL_PARTNER, .id = id};
    if (slice_starts(text, "operator:"))
        return (struct principal){.kind = PRINCIPAL_OPERATOR, .id = id};
    return (struct principal){.kind = PRINCIPAL_MEMBER, .id = text};
}

/* "pin/add?arg=X&recursive=true" */
static inline struct call *kit_call(const char *target)
{
    char path[4096];
    struct error err = {0};
    struct call *call;
    size_t size = strcspn(target, "?");
    const struct command *command = catalogue_find((struct slice){target, size});

    assert_non_null(command);
    snprintf(path, sizeof(path), "/api/v0/%s", target);
    if (!call_parse(&call, slice_of(path), command->body == BODY_FILE, &err))
        fail_msg("%s: %s", target, err.text);
    return call;
}

static inline struct sockaddr_in kit_address(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return address;
}

static inline struct decision kit_decide(const struct policy *policy,
                                         const struct principal *principal, const char *target,
                                         const struct policy_request *request)
{
    static const struct policy_request nothing = {.content_length = -1};
    struct call *call = kit_call(target);
    struct decision decision;

    policy_decide(policy, principal, call, request != NULL ? request : &nothing, &decision);
    call_destroy(&call);
    return decision;
}

/* "allow role:reader", "deny no-keys". */
static inline void kit_expect(const struct policy *policy, const char *who, const char *target,
                              const char *expected)
{
    struct principal principal = kit_principal(who);
    struct decision decision = kit_decide(policy, &principal, target, NULL);
    struct text by = {0};

    text_put_text(&by, decision.is_allowed ? "allow " : "deny ");
    decision_put_by(&decision, &by);
    if (strcmp(by.data, expected) != 0)
        fail_msg("%s %s: %s, but expected %s", who, target, by.data, expected);
    text_dispose(&by);
}

#endif

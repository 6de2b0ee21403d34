// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a document: refused with a sentence, or a policy that decides and can be checked. */
#include "policy/check.h"
#include "policy/decide.h"
#include "policy/diff.h"
#include "policy/finding.h"

#include <assert.h>

static void use(const struct policy *policy)
{
    static const char *const targets[] = {
        "/api/v0/version", "/api/v0/pin/ls", "/api/v0/files/ls?arg=/a",
        "/api/v0/pin/rm?arg=QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"};
    static const struct policy_request request = {.content_length = -1};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        struct call *call;
        struct error err = {0};
        struct principal principal = {.kind = PRINCIPAL_ANONYMOUS};
        struct decision decision;
        bool is_parsed = call_parse(&call, slice_of(targets[i]), false, &err);

        assert(is_parsed);
        policy_decide(policy, &principal, call, &request, &decision);
        if (policy_member_count(policy) > 0) {
            principal =
                (struct principal){.kind = PRINCIPAL_MEMBER, .id = policy_member(policy, 0)->id};
            policy_decide(policy, &principal, call, &request, &decision);
        }
        call_destroy(&call);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_source source = {"fuzz", {(const char *)data, size}};
    struct findings findings = {0};
    struct policy_test_counts tests;
    const struct policy *policy;
    struct error err = {0};

    if (policy_compile(&policy, &source, 1, &findings, &err)) {
        struct policy_diff diff;

        assert(findings.counts[FINDING_ERROR] == 0);
        use(policy);
        policy_check(policy, 1, NULL, &findings, &tests);
        policy_diff(policy, policy, &diff);
        assert(diff.count == 0);
        policy_diff_dispose(&diff);
    } else {
        assert(findings.counts[FINDING_ERROR] > 0 && err.text[0] != '\0' && policy == NULL);
    }
    findings_dispose(&findings);
    policy_unref(&policy);
    return 0;
}

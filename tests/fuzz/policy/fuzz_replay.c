// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a line of an audit log, and as a call that a person writes: a request that can be
 * decided, or a sentence. */
#include "policy/ask.h"
#include "policy/replay.h"

#include <assert.h>

static const char yaml[] = "version: 1\norg: a.example\nmembers: {alice: {}}\n"
                           "roles: {r: {allow: [\"**\"]}}\nbind: [{to: \"*\", roles: r}]\n"
                           "rules: [{id: x, deny: pin/add, when: \"len(args) > 1 and opt.recursive "
                           "and req.content_length > 1\"}]\n";

static void decide(const struct principal *principal, const struct call *call,
                   const struct policy_request *request)
{
    struct policy_source source = {"fuzz", {yaml, sizeof(yaml) - 1}};
    const struct policy *policy;
    struct decision decision;
    struct error err = {0};
    bool is_compiled = policy_compile(&policy, &source, 1, NULL, &err);

    assert(is_compiled);
    policy_decide(policy, principal, call, request, &decision);
    assert(decision.is_final || decision.is_allowed);
    policy_unref(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct replayed replayed;
    struct asked_call asked;
    enum replay_answer answer;
    struct error err = {0};

    if (!replay_read(&replayed, text, &answer, &err)) {
        assert(err.text[0] != '\0' && replayed.json == NULL);
    } else if (answer == REPLAY_REQUEST) {
        decide(&replayed.principal, replayed.call, &replayed.request);
        replayed_dispose(&replayed);
    }
    err = (struct error){0};
    if (ask_call(&asked, text, &err)) {
        const struct principal nobody = {.kind = PRINCIPAL_ANONYMOUS};
        const struct policy_request request = {
            .content_length = -1, .pending = asked.is_incomplete ? PENDING_ARGUMENTS : 0};

        decide(&nobody, asked.call, &request);
        asked_call_dispose(&asked);
    } else {
        assert(err.text[0] != '\0' && asked.call == NULL);
    }
    return 0;
}

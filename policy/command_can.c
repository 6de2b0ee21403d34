// SPDX-License-Identifier: Apache-2.0
/* `causeway policy can`. */
#include "conf/suggest.h"
#include "conf/units.h"
#include "policy/ask.h"
#include "policy/commands.h"
#include "policy/explain.h"
#include "policy/grants.h"
#include "policy/moment.h"
#include "policy/quotas.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>

enum { ROLES_MAX = 64 };

/* What is asked. */
struct question {
    struct principal principal;
    struct policy_request request;
    struct sockaddr_storage from;
    struct slice roles[ROLES_MAX];
    struct asked_call asked;
};

static bool read_from(struct question *question, const char *text, struct error *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&question->from;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&question->from;

    if (text == NULL)
        return true;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    else
        return error_set(err, ERROR_SYNTAX, "--from: '%s' is no address", text);
    question->principal.peer = (const struct sockaddr *)&question->from;
    return true;
}

static bool read_roles(struct question *question, const char *text, struct error *err)
{
    size_t count = 0;

    for (; text != NULL; text = strchr(text, ',') != NULL ? strchr(text, ',') + 1 : NULL) {
        if (count == ROLES_MAX)
            return error_set(err, ERROR_LIMIT, "--roles: there are more than %d", ROLES_MAX);
        question->roles[count++] = (struct slice){text, strcspn(text, ",")};
        question->principal.token_roles = question->roles;
        question->principal.token_role_count = count;
    }
    return true;
}

static bool read_circumstances(const struct cli *cli, struct question *question, struct error *err)
{
    const char *at = cli_value(cli, "at"), *length = cli_value(cli, "content-length");
    uint64_t size;

    question->request.now_ms = (uint64_t)time(NULL) * 1000;
    question->request.content_length = -1;
    if (at != NULL && !moment_parse(slice_of(at), &question->request.now_ms, err))
        return error_prefix(err, "--at");
    if (length != NULL) {
        if (!units_parse_size(slice_of(length), &size, err) || size > INT64_MAX)
            return error_prefix(err, "--content-length");
        question->request.content_length = (int64_t)size;
    }
    return read_from(question, cli_value(cli, "from"), err) &&
           read_roles(question, cli_value(cli, "roles"), err);
}

/* The words behind the member, as one text. */
static bool read_call(const struct cli *cli, struct question *question, struct error *err)
{
    struct text words = {0};
    bool is_fine;

    for (int i = 1; i < cli->argument_count; i++) {
        text_put_text(&words, i > 1 ? " " : "");
        text_put_text(&words, cli->arguments[i]);
    }
    is_fine = ask_call(&question->asked, text_slice(&words), err);
    if (is_fine && question->asked.is_incomplete)
        question->request.pending = PENDING_ARGUMENTS;
    text_dispose(&words);
    return is_fine;
}

/* A caller who is not in the policy was perhaps mistyped. */
static void hint_member(const struct cli *cli, const struct policy *policy,
                        const struct principal *principal)
{
    struct suggestion near;

    if (cli->json || principal->kind != PRINCIPAL_MEMBER ||
        policy_member_find(policy, principal->id) != NULL)
        return;
    suggestion_init(&near, principal->id);
    for (size_t i = 0; i < policy_member_count(policy); i++)
        suggestion_offer_slice(&near, policy_member(policy, i)->id);
    if (near.best.size > 0)
        fprintf(cli->out, "  did you mean '%.*s'?\n", SLICE_ARGS(near.best));
}

/* What is allowed may still be limited. */
static void print_quotas(const struct cli *cli, const struct policy *policy,
                         const struct principal *asked)
{
    struct principal principal = *asked;
    struct text out = {0};

    if (cli->json)
        return;
    if (principal.kind == PRINCIPAL_MEMBER)
        principal.token_id = SLICE("any"); /* as members call */
    for (size_t i = 0; i < policy_quota_count(policy); i++) {
        const struct policy_quota *quota = policy_quota(policy, i);

        if (!policy_quota_applies(policy, quota, &principal))
            continue;
        text_put_format(&out, "  limited by the quota %s on ", quota->label);
        policy_quota_put_scope(quota, &out);
        text_put_text(&out, ": ");
        policy_quota_put_limits(quota, &out);
        text_put_char(&out, '\n');
    }
    if (out.size > 0)
        fputs(out.data, cli->out);
    text_dispose(&out);
}

/* What a partner may have stored is granted, and not a call. */
static void print_grants(const struct cli *cli, const struct policy *policy,
                         const struct principal *principal)
{
    const struct policy_grant *grant;
    struct text out = {0};

    if (cli->json || principal->kind != PRINCIPAL_PARTNER)
        return;
    grant = policy_grant_find(policy, principal->id);
    if (grant == NULL)
        return;
    text_put_format(&out, "  %s: ", grant->label);
    policy_grant_put(grant, &out);
    fprintf(cli->out, "%s\n", out.data);
    text_dispose(&out);
}

static int answer(const struct cli *cli, const struct policy *policy,
                  const struct question *question)
{
    struct explanation explanation;
    struct text out = {0};
    bool is_allowed;

    policy_explain(policy, &question->principal, question->asked.call, &question->request,
                   &explanation);
    if (cli->json) {
        explanation_put_json(&explanation, policy, &question->principal, question->asked.call,
                             &out);
        text_put_char(&out, '\n');
    } else {
        explanation_put(&explanation, policy, &question->principal, question->asked.call, &out);
    }
    fputs(out.data, cli->out);
    hint_member(cli, policy, &question->principal);
    is_allowed = explanation.decision.is_allowed;
    if (is_allowed)
        print_quotas(cli, policy, &question->principal);
    print_grants(cli, policy, &question->principal);
    text_dispose(&out);
    explanation_dispose(&explanation);
    return is_allowed ? CLI_DONE : CLI_FAILED;
}

int command_policy_can(struct cli *cli)
{
    struct question question = {.asked = {0}};
    const struct policy *policy = NULL;
    struct error err = {0};
    int result;

    if (!ask_principal(&question.principal, slice_of(cli->arguments[0]), &err) ||
        !read_circumstances(cli, &question, &err) || !read_call(cli, &question, &err)) {
        cli_fail(cli, "%s", err.text);
        result = CLI_USAGE;
    } else if (!command_policy_load(cli, &policy, cli_value(cli, "policy"), NULL, &err)) {
        result = cli_fail(cli, "%s", err.text);
    } else {
        result = answer(cli, policy, &question);
    }
    asked_call_dispose(&question.asked);
    policy_unref(&policy);
    return result;
}

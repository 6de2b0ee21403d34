// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_gate.h"

#include "conf/memory.h"
#include "proxy/clock.h"
#include "proxy/treatment.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* config.allow numbers the classes as the catalogue does. */
static_assert((int)CONFIG_CLASS_TOOL == (int)CLASS_TOOL &&
                  (int)CONFIG_CLASS_READ == (int)CLASS_READ &&
                  (int)CONFIG_CLASS_WRITE == (int)CLASS_WRITE &&
                  (int)CONFIG_CLASS_PIN == (int)CLASS_PIN &&
                  (int)CONFIG_CLASS_FILES == (int)CLASS_FILES &&
                  (int)CONFIG_CLASS_KEY == (int)CLASS_KEY &&
                  (int)CONFIG_CLASS_PUBSUB == (int)CLASS_PUBSUB &&
                  (int)CONFIG_CLASS_NETWORK == (int)CLASS_NETWORK &&
                  (int)CONFIG_CLASS_REPO == (int)CLASS_REPO &&
                  (int)CONFIG_CLASS_REMOTE_PIN == (int)CLASS_REMOTE_PIN,
              "config_class follows command_class");

/* ---- without a policy */

static bool allows_class(const struct config *config, const struct command *command)
{
    switch (treatment_of(command->id)) {
    case TREATMENT_NEVER:
        return false;
    case TREATMENT_COMMANDS:
        return true;
    default:
        break;
    }
    return (config->allow & 1U << command->class) != 0;
}

static bool gate_by_class(const struct config *config, const struct command *command,
                          struct error *err)
{
    if (allows_class(config, command))
        return true;
    if (treatment_of(command->id) == TREATMENT_NEVER)
        return error_set(
            err, ERROR_REFUSED,
            "%s is not available: it is too dangerous on storage that several people share; "
            "whoever runs the node can run it there",
            command->path);
    return error_set(err, ERROR_REFUSED,
                     "%s is not allowed here: the class '%s' is not in `allow` of this gateway's "
                     "causeway.yaml; its operator can add it",
                     command->path, command_class_name(command->class));
}

/* ---- the record */

static size_t describe_options(const struct call *call, struct audit_pair *pairs, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < call->option_count && count < room; i++)
        pairs[count++] =
            (struct audit_pair){.name = slice_of(catalogue_option_name(call->options[i].fact->id)),
                                .value = call->options[i].text};
    return count;
}

/* told has what the decision says. */
static void record_entry(struct site *site, const struct access_question *question,
                         const struct audit_entry *told)
{
    const struct call *call = question->call;
    struct audit_entry entry = *told;
    struct slice *arguments =
        memory_resize_array(NULL, call->argument_count + 1, sizeof(*arguments));
    struct audit_pair options[64];

    for (size_t i = 0; i < call->argument_count; i++)
        arguments[i] = call->arguments[i].text;
    entry.time_ms = clock_wall_ms();
    entry.request_id = slice_of(exchange_id(question->exchange));
    entry.principal = question->principal;
    entry.command = slice_of(call->command->path);
    entry.arguments = arguments;
    entry.argument_count = call->argument_count;
    entry.options = options;
    entry.option_count = describe_options(call, options, ARRAY_SIZE(options));
    entry.has_body_size = question->content_length > 0;
    entry.body_size = question->content_length > 0 ? (uint64_t)question->content_length : 0;
    entry.policy = slice_of(policy_hash(site->snapshot->policy));
    (void)audit_put(site->tools->audit, &entry); /* a loss is counted, and the log says how many */
    free(arguments);
}

static void record(struct site *site, const struct access_question *question,
                   const struct decision *decision, struct slice message)
{
    struct text by = {0}, at = {0};

    decision_put_by(decision, &by);
    if (decision->place != NULL)
        text_put_format(&at, "%s:%u", decision->place->file, decision->place->line);
    struct audit_entry entry = {
        .decision = decision->is_allowed ? SLICE("allow") : SLICE("deny"),
        .mode = decision->is_report ? SLICE("report") : SLICE("enforce"),
        .rule = text_slice(&by),
        .at = text_slice(&at),
        .message = message,
    };
    record_entry(site, question, &entry);
    text_dispose(&by);
    text_dispose(&at);
}

void access_gate_record_denied(struct site *site, const struct exchange *exchange,
                               const struct principal *principal, const struct call *call,
                               struct slice rule, struct slice message)
{
    struct access_question question = {.exchange = exchange, .principal = principal, .call = call};
    struct audit_entry entry = {
        .decision = SLICE("deny"), .mode = SLICE("enforce"), .rule = rule, .message = message};

    if (site->snapshot->policy != NULL)
        record_entry(site, &question, &entry);
}

/* What an auditor would ask about: refusals, changes, and what a rule on trial would have done. */
static bool is_worth_recording(const struct call *call, const struct decision *decision)
{
    if (!decision->is_allowed || decision->is_report || decision->report_count > 0)
        return true;
    return decision->is_final && (call->command->flags & COMMAND_CHANGES) != 0;
}

/* ---- with a policy */

static bool gate_by_policy(struct site *site, const struct access_question *question,
                           struct error *err)
{
    const struct policy *policy = site->snapshot->policy;
    struct policy_request request = {
        .now_ms = clock_wall_ms(),
        .content_length = question->content_length,
        .pending = question->pending,
    };
    struct decision decision;
    struct text reason = {0};

    policy_decide(policy, question->principal, question->call, &request, &decision);
    if (question->rights != NULL)
        *question->rights = decision.rights;
    if (!decision.is_allowed)
        decision_put_reason(policy, &decision, question->principal, question->call, &reason);
    if (is_worth_recording(question->call, &decision))
        record(site, question, &decision, text_slice(&reason));
    if (!decision.is_allowed)
        error_set(err, ERROR_REFUSED, "%s", reason.data);
    text_dispose(&reason);
    return decision.is_allowed;
}

bool access_gate(struct site *site, const struct access_question *question, struct error *err)
{
    if (site->snapshot->policy != NULL)
        return gate_by_policy(site, question, err);
    if (question->rights != NULL) /* whoever is on this machine, and nobody else */
        *question->rights = RIGHT_READ_ANY | RIGHT_SHARED_NODE;
    return gate_by_class(site->snapshot->config, question->call->command, err);
}

bool access_gate_command(struct site *site, const struct access_question *question,
                         struct error *err)
{
    const struct policy *policy = site->snapshot->policy;
    struct access_question open = *question;
    struct policy_request request = {.now_ms = clock_wall_ms(), .content_length = -1};
    struct decision decision;

    open.pending = request.pending = PENDING_ARGUMENTS | PENDING_NAMES;
    if (policy == NULL)
        return access_gate(site, &open, err);
    policy_decide(policy, question->principal, question->call, &request, &decision);
    if (decision.is_allowed)
        return true;
    /* what an empty call is denied, another may be allowed */
    if (decision.cause != DECISION_EXPIRED &&
        policy_access(policy, question->principal, question->call->command->id) >=
            ACCESS_CONDITIONAL)
        return true;
    return access_gate(site, &open, err);
}

bool access_allows_command(const struct site *site, const struct principal *principal,
                           enum command_id id)
{
    struct policy_request request = {.now_ms = clock_wall_ms(),
                                     .content_length = -1,
                                     .pending = PENDING_ARGUMENTS | PENDING_NAMES};
    struct decision decision;
    struct call *call;

    if (site->snapshot->policy == NULL)
        return allows_class(site->snapshot->config, catalogue_command(id));
    call = call_create(id);
    policy_decide(site->snapshot->policy, principal, call, &request, &decision);
    call_destroy(&call);
    return decision.is_allowed;
}

// SPDX-License-Identifier: Apache-2.0
/* What a policy means, in the plainest way. */
#include "model.h"
#include "policy/decide.h"

#include <stdio.h>

/* --- Commands --- */

/* `*` is any characters but a slash. */
static bool segments_match(const char *glob, const char *path)
{
    if (glob[0] == '\0')
        return path[0] == '\0';
    if (strncmp(glob, "**", 2) == 0 && (glob[2] == '/' || glob[2] == '\0')) {
        const char *rest = glob[2] == '/' ? glob + 3 : glob + 2;
        const char *at = path;

        for (;;) { /* any number of whole segments */
            const char *slash = strchr(at, '/');

            if (glob[2] == '\0' || segments_match(rest, at))
                return true;
            if (slash == NULL)
                return false;
            at = slash + 1;
        }
    }
    if (glob[0] == '*')
        return segments_match(glob + 1, path) ||
               (path[0] != '\0' && path[0] != '/' && segments_match(glob, path + 1));
    /* "refs/..." with any number of segments behind may end here */
    if (path[0] == '\0' && strcmp(glob, "/**") == 0)
        return true;
    return glob[0] == path[0] && segments_match(glob + 1, path + 1);
}

static bool braces_match(const char *glob, const char *path)
{
    const char *open = strchr(glob, '{'), *close, *at;
    char text[200];

    if (open == NULL)
        return segments_match(glob, path);
    close = strchr(open, '}');
    for (at = open + 1; at <= close; at += strcspn(at, ",}") + 1) {
        snprintf(text, sizeof(text), "%.*s%.*s%s", (int)(open - glob), glob, (int)strcspn(at, ",}"),
                 at, close + 1);
        if (braces_match(text, path))
            return true;
    }
    return false;
}

static bool pattern_names(const char *pattern, const struct command *command, bool is_allow)
{
    if (is_allow && command->danger == DANGER_NEVER)
        return false;
    if (strncmp(pattern, "class:", 6) == 0)
        return strcmp(pattern + 6, command_class_name(command->class)) == 0;
    if (strcmp(pattern, "**") == 0 && is_allow)
        return command->class == CLASS_TOOL || command->class == CLASS_READ ||
               command->class == CLASS_WRITE || command->class == CLASS_PIN;
    return braces_match(pattern, command->path);
}

static bool patterns_name(const char *const *patterns, int count, const struct command *command,
                          bool is_allow)
{
    for (int i = 0; i < count; i++)
        if (pattern_names(patterns[i], command, is_allow))
            return true;
    return false;
}

/* --- Who is meant --- */

static bool subject_means(const struct model *model, const struct model_request *request,
                          const struct model_subject *subject)
{
    bool is_member = request->kind == PRINCIPAL_MEMBER;

    switch (subject->kind) {
    case WHO_EVERYONE:
        return true;
    case WHO_MEMBERS:
        return is_member;
    case WHO_MEMBER:
        return is_member && request->who == subject->index;
    case WHO_GROUP:
        return is_member && model_in_group(model, &model->members[request->who], subject->index);
    case WHO_PARTNERS:
        return request->kind == PRINCIPAL_PARTNER;
    case WHO_PARTNER:
        return request->kind == PRINCIPAL_PARTNER && request->who == subject->index;
    default:
        return request->kind == PRINCIPAL_ANONYMOUS;
    }
}

static bool subjects_mean(const struct model *model, const struct model_request *request,
                          const struct model_subjects *subjects)
{
    for (int i = 0; i < subjects->count; i++)
        if (subject_means(model, request, &subjects->items[i]))
            return true;
    return false;
}

static bool rule_is_meant(const struct model *model, const struct model_request *request,
                          const struct model_rule *rule)
{
    return (!rule->has_to || subjects_mean(model, request, &rule->to)) &&
           !subjects_mean(model, request, &rule->except);
}

static bool rule_applies(const struct model *model, const struct model_request *request,
                         const struct model_rule *rule)
{
    return patterns_name(rule->patterns, rule->pattern_count, request->command, !rule->is_deny) &&
           rule_is_meant(model, request, rule) &&
           model_condition_applies(model, request, &rule->condition, rule->is_unless,
                                   rule->is_deny);
}

/* --- Roles --- */

static unsigned with_inherited(const struct model *model, unsigned roles)
{
    for (int i = model->role_count - 1; i >= 0; i--) /* they inherit from smaller numbers */
        if ((roles >> i & 1) != 0)
            roles |= model->roles[i].inherits;
    return roles;
}

static unsigned roles_of(const struct model *model, const struct model_request *request)
{
    unsigned roles = 0;

    for (int i = 0; i < model->bind_count; i++)
        if (subjects_mean(model, request, &model->binds[i].to) &&
            model_condition_applies(model, request, &model->binds[i].when, false, false))
            roles |= model->binds[i].roles;
    return with_inherited(model, roles);
}

/* The first role that allows without asking, else the first that allows; -1: none. */
static int allowing_role(const struct model *model, const struct model_request *request,
                         unsigned roles)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < model->role_count; i++)
            for (int j = 0; j < model->roles[i].item_count; j++) {
                const struct model_item *item = &model->roles[i].items[j];

                if ((roles >> i & 1) != 0 && item->where.is_there == (pass == 1) &&
                    patterns_name(item->patterns, item->pattern_count, request->command, true) &&
                    model_condition_applies(model, request, &item->where, false, false))
                    return i;
            }
    return -1;
}

static unsigned rights_of(const struct model *model, unsigned roles)
{
    unsigned rights = 0;

    for (int i = 0; i < model->role_count; i++)
        if ((roles >> i & 1) != 0)
            rights |= model->roles[i].rights;
    return rights;
}

/* Everything in the file tree and the keystore, what is in the name of the node, and what tells of
 * the others. */
static bool touches_what_is_shared(const struct model_request *request)
{
    static const char *const prefixes[] = {"files/",   "key/",        "name/pu", "pubsub/",
                                           "bitswap/", "pin/remote/", "ping"};
    static const char *const whole[] = {"provide/once", "refs/local",      "repo/ls",
                                        "routing/put",  "routing/provide", "routing/reprovide",
                                        "stats/bitswap"};
    const char *path = request->command->path;

    if (strcmp(path, "add") == 0)
        return request->to_files != NULL;
    if (strcmp(path, "files/stat") == 0 && request->argument_count > 0)
        return !request->arguments[0].is_cid;
    if (strcmp(path, "files/stat") == 0)
        return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (strcmp(path, whole[i]) == 0)
            return true;
    return false;
}

/* The first rule of that effect that applies; -1: none. */
static int applying_rule(const struct model *model, const struct model_request *request,
                         bool is_deny)
{
    for (int i = 0; i < model->rule_count; i++)
        if (model->rules[i].is_deny == is_deny && !model->rules[i].is_report &&
            rule_applies(model, request, &model->rules[i]))
            return i;
    return -1;
}

/* --- Decisions --- */

static void add_reports(const struct model *model, const struct model_request *request,
                        struct model_decision *decision)
{
    for (int i = 0; i < model->rule_count; i++) {
        const struct model_rule *rule = &model->rules[i];

        if (!rule->is_report || !rule_applies(model, request, rule))
            continue;
        decision->reports |= 1U << i;
        if (rule->is_deny ? decision->is_allowed : strcmp(decision->by, "default") == 0)
            decision->would_change |= 1U << i;
    }
}

static void decide(const struct model *model, const struct model_request *request,
                   struct model_decision *decision)
{
    bool is_never = request->command->danger == DANGER_NEVER;
    unsigned roles = roles_of(model, request);
    unsigned ceiling =
        with_inherited(model, request->token_roles & ((1U << model->role_count) - 1));
    int denying = applying_rule(model, request, true);
    int role = allowing_role(model, request, roles);
    int allowing = role >= 0 ? -1 : applying_rule(model, request, false);
    bool is_in_token = !request->is_narrowed || allowing_role(model, request, ceiling) >= 0;
    unsigned rights =
        rights_of(model, roles) & (request->is_narrowed ? rights_of(model, ceiling) : ~0U);

    if (denying >= 0)
        snprintf(decision->by, sizeof(decision->by), "rule%d", denying);
    else if (is_never)
        strcpy(decision->by, "never");
    else if (role < 0 && allowing < 0)
        strcpy(decision->by, "default");
    else if (!is_in_token)
        strcpy(decision->by, "token");
    else if (touches_what_is_shared(request) && (rights & RIGHT_SHARED_NODE) == 0)
        strcpy(decision->by, "right");
    else
        decision->is_allowed = true;
    if (decision->is_allowed && role >= 0)
        snprintf(decision->by, sizeof(decision->by), "role:role%d", role);
    else if (decision->is_allowed)
        snprintf(decision->by, sizeof(decision->by), "rule%d", allowing);
    add_reports(model, request, decision);
    if (!decision->is_allowed && model->is_report && is_in_token && !is_never &&
        (request->kind == PRINCIPAL_MEMBER || request->kind == PRINCIPAL_ANONYMOUS))
        decision->is_allowed = decision->is_report = true;
    if (decision->is_allowed)
        decision->rights = rights;
}

void model_decide(const struct model *model, const struct model_request *request,
                  struct model_decision *decision)
{
    *decision = (struct model_decision){.is_allowed = false};
    if (request->kind == PRINCIPAL_MEMBER) {
        uint64_t expires;

        if (request->who >= model->member_count) {
            strcpy(decision->by, "unknown-member");
            return;
        }
        expires = (uint64_t)model->members[request->who].expires_day * 86400000;
        if (expires > 0 && (request->now_ms == 0 || request->now_ms >= expires)) {
            strcpy(decision->by, "expired");
            return;
        }
    }
    decide(model, request, decision);
}

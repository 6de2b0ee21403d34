// SPDX-License-Identifier: Apache-2.0
/* Differences for people and for programs. */
#include "policy/diff.h"

enum { NAMES_TOLD_MAX = 8 };

static const char *const kinds[] = {"role", "group", "member", "partner", "anonymous"};

static void put_who(const struct policy_changed *changed, struct text *out)
{
    text_put_text(out, kinds[changed->kind]);
    for (size_t i = 0; i < changed->name_count && i < NAMES_TOLD_MAX; i++) {
        text_put_text(out, i > 0 ? ", " : ":");
        text_put_slice(out, changed->names[i].size > 0 ? changed->names[i] : SLICE("*"));
    }
    if (changed->name_count > NAMES_TOLD_MAX)
        text_put_format(out, " and %zu more", changed->name_count - NAMES_TOLD_MAX);
    text_put_char(out, '\n');
}

static void put_change(const struct policy_change *change, struct text *out)
{
    const char *sign = change->after > change->before   ? "+"
                       : change->after < change->before ? "-"
                                                        : "~";

    if (change->command == COMMAND_COUNT)
        text_put_format(out, "  %s right %-18s", sign, policy_right_name(change->right));
    else
        text_put_format(out, "  %s %-24s", sign, catalogue_command(change->command)->path);
    if (change->before == change->after)
        text_put_text(out, " conditions change\n");
    else
        text_put_format(out, " %s -> %s\n", policy_access_name(change->before),
                        policy_access_name(change->after));
}

static struct slice partner_of(const struct policy_grant_change *change)
{
    return change->before != NULL ? change->before->partner : change->after->partner;
}

static void put_grant(const struct policy_grant_change *change, struct text *out)
{
    text_put_format(out, "grants to %.*s\n", SLICE_ARGS(partner_of(change)));
    if (change->before != NULL) {
        text_put_text(out, "  - ");
        policy_grant_put(change->before, out);
        text_put_char(out, '\n');
    }
    if (change->after != NULL) {
        text_put_text(out, "  + ");
        policy_grant_put(change->after, out);
        text_put_char(out, '\n');
    }
}

void policy_diff_put(const struct policy_diff *diff, struct text *out)
{
    if (diff->count + diff->grant_count == 0)
        text_put_text(out, "no rights change\n");
    for (size_t i = 0; i < diff->count; i++) {
        put_who(&diff->items[i], out);
        for (size_t j = 0; j < diff->items[i].change_count; j++)
            put_change(&diff->items[i].changes[j], out);
    }
    for (size_t i = 0; i < diff->grant_count; i++)
        put_grant(&diff->grants[i], out);
}

static void put_json(const struct policy_changed *changed, struct slice name,
                     const struct policy_change *change, struct text *out)
{
    text_put_format(out, "{\"kind\":\"%s\"", kinds[changed->kind]);
    if (changed->kind != CHANGED_ANONYMOUS)
        text_put_format(out, ",\"name\":\"%.*s\"", (int)(name.size > 0 ? name.size : 1),
                        name.size > 0 ? name.data : "*");
    if (change->command == COMMAND_COUNT)
        text_put_format(out, ",\"right\":\"%s\"", policy_right_name(change->right));
    else
        text_put_format(out, ",\"command\":\"%s\"", catalogue_command(change->command)->path);
    text_put_format(out, ",\"before\":\"%s\",\"after\":\"%s\"}\n",
                    policy_access_name(change->before), policy_access_name(change->after));
}

static void put_json_side(const char *name, const struct policy_grant *grant, struct text *out)
{
    text_put_format(out, ",\"%s\":", name);
    if (grant != NULL)
        policy_grant_put_json(grant, out);
    else
        text_put_text(out, "null");
}

static void put_json_grant(const struct policy_grant_change *change, struct text *out)
{
    text_put_format(out, "{\"kind\":\"grant\",\"name\":\"%.*s\"", SLICE_ARGS(partner_of(change)));
    put_json_side("before", change->before, out);
    put_json_side("after", change->after, out);
    text_put_text(out, "}\n");
}

void policy_diff_put_json(const struct policy_diff *diff, struct text *out)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct policy_changed *changed = &diff->items[i];
        size_t names = changed->name_count > 0 ? changed->name_count : 1;

        for (size_t n = 0; n < names; n++)
            for (size_t j = 0; j < changed->change_count; j++)
                put_json(changed, changed->name_count > 0 ? changed->names[n] : (struct slice){0},
                         &changed->changes[j], out);
    }
    for (size_t i = 0; i < diff->grant_count; i++)
        put_json_grant(&diff->grants[i], out);
}

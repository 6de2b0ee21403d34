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

void policy_diff_put(const struct policy_diff *diff, struct text *out)
{
    if (diff->count == 0)
        text_put_text(out, "no rights change\n");
    for (size_t i = 0; i < diff->count; i++) {
        put_who(&diff->items[i], out);
        for (size_t j = 0; j < diff->items[i].change_count; j++)
            put_change(&diff->items[i].changes[j], out);
    }
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
}

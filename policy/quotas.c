// SPDX-License-Identifier: Apache-2.0
#include "policy/quotas.h"

#include "conf/units.h"
#include "policy/policy_private.h"

size_t policy_quota_count(const struct policy *policy)
{
    return policy->document.quota_count;
}

const struct policy_quota *policy_quota(const struct policy *policy, size_t index)
{
    return &policy->quotas[index];
}

static const char *make_label(struct policy *policy, const struct document_quota *quota)
{
    struct policy_place place = document_place(quota->node);
    struct text text = {0};
    const char *label;

    text_put_format(&text, "%.*s (%s:%u)", SLICE_ARGS(quota->id), place.file, place.line);
    label = arena_copy(&policy->arena, text.data, text.size);
    text_dispose(&text);
    return label;
}

/* In the order of ids, as document.quotas: id and node come first there for the sorting. */
void policy_build_quotas(struct policy *policy)
{
    const struct document *document = &policy->document;

    policy->quotas =
        arena_alloc(&policy->arena, (document->quota_count + 1) * sizeof(*policy->quotas));
    for (size_t i = 0; i < document->quota_count; i++) {
        const struct document_quota *quota = &document->quotas[i];

        policy->quotas[i] = (struct policy_quota){
            .id = quota->id,
            .scope = quota->scope,
            .group = quota->group.name,
            .partner = quota->partner,
            .place = document_place(quota->node),
            .label = make_label(policy, quota),
            .stored_bytes = quota->stored_bytes,
            .stored_pins = quota->stored_pins,
            .soft_bytes = quota->soft_bytes,
            .soft_pins = quota->soft_pins,
            .upload = quota->upload,
            .egress = quota->egress,
            .requests = quota->requests,
            .concurrent = quota->concurrent,
        };
    }
}

static bool is_member_of(const struct policy *policy, const struct principal *principal,
                         struct slice group)
{
    const struct policy_member *member = policy_member_find(policy, principal->id);

    for (size_t i = 0; member != NULL && i < member->group_count; i++)
        if (slice_equal(member->groups[i], group))
            return true;
    return false;
}

bool policy_quota_applies(const struct policy *policy, const struct policy_quota *quota,
                          const struct principal *principal)
{
    bool is_member = principal->kind == PRINCIPAL_MEMBER;

    switch (quota->scope) {
    case QUOTA_SCOPE_ORG:
        return principal->kind != PRINCIPAL_OPERATOR;
    case QUOTA_SCOPE_MEMBER:
        return is_member;
    case QUOTA_SCOPE_GROUP:
        return is_member && is_member_of(policy, principal, quota->group);
    case QUOTA_SCOPE_TOKEN:
        return is_member && principal->token_id.size > 0;
    case QUOTA_SCOPE_PARTNER:
        return principal->kind == PRINCIPAL_PARTNER && slice_equal(quota->partner, principal->id);
    }
    return false;
}

size_t policy_group_line(const struct policy *policy, struct slice group, struct slice *groups,
                         size_t max)
{
    const struct document *document = &policy->document;
    size_t at = names_find(&document->group_names, group), count = 0;

    for (; at != NAMES_NONE && count < max; at = document->groups[at].parent.index)
        groups[count++] = document->groups[at].id;
    return count;
}

/* ---- in words */

void policy_quota_put_scope(const struct policy_quota *quota, struct text *out)
{
    switch (quota->scope) {
    case QUOTA_SCOPE_ORG:
        text_put_text(out, "the organization");
        break;
    case QUOTA_SCOPE_MEMBER:
        text_put_text(out, "each member");
        break;
    case QUOTA_SCOPE_GROUP:
        text_put_format(out, "the group %.*s", SLICE_ARGS(quota->group));
        break;
    case QUOTA_SCOPE_TOKEN:
        text_put_text(out, "each token");
        break;
    case QUOTA_SCOPE_PARTNER:
        text_put_format(out, "the partner %.*s", SLICE_ARGS(quota->partner));
        break;
    }
}

static void put_part(struct text *out, size_t begin)
{
    text_put_text(out, out->size > begin ? ", " : "");
}

static void put_bytes(struct text *out, size_t begin, const char *what, uint64_t bytes)
{
    char size[UNITS_TEXT_SIZE];

    if (bytes == 0)
        return;
    put_part(out, begin);
    text_put_format(out, "%s %s", what, units_print_size(size, bytes));
}

static void put_window(struct text *out, size_t begin, const char *what,
                       const struct policy_quota_window *window)
{
    char per[UNITS_TEXT_SIZE];

    put_bytes(out, begin, what, window->bytes);
    if (window->bytes > 0)
        text_put_format(out, " per %s", units_print_duration(per, window->per_ms));
}

void policy_quota_put_limits(const struct policy_quota *quota, struct text *out)
{
    size_t begin = out->size;
    char per[UNITS_TEXT_SIZE];

    put_bytes(out, begin, "stored", quota->stored_bytes);
    if (quota->stored_pins > 0) {
        put_part(out, begin);
        text_put_format(out, "%llu pins", (unsigned long long)quota->stored_pins);
    }
    put_window(out, begin, "upload", &quota->upload);
    put_window(out, begin, "egress", &quota->egress);
    if (quota->requests.calls > 0) {
        put_part(out, begin);
        text_put_format(out, "%llu requests per %s with bursts of %llu",
                        (unsigned long long)quota->requests.calls,
                        units_print_duration(per, quota->requests.per_ms),
                        (unsigned long long)quota->requests.burst);
    }
    if (quota->concurrent > 0) {
        put_part(out, begin);
        text_put_format(out, "%llu at once", (unsigned long long)quota->concurrent);
    }
}

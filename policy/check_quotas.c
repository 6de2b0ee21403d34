// SPDX-License-Identifier: Apache-2.0
/* Quotas that can never be the tightest, and what nothing limits. */
#include "conf/yaml.h"
#include "policy/check_private.h"

/* A limit of a, where b has one too: is a above it? */
static bool is_above(uint64_t a, uint64_t b)
{
    return a != 0 && b != 0 && a > b;
}

/* Bytes a span of time, compared without rounding. */
static bool is_window_above(const struct policy_quota_window *a,
                            const struct policy_quota_window *b)
{
    return a->bytes != 0 && b->bytes != 0 && a->per_ms <= b->per_ms && a->bytes > b->bytes;
}

static bool is_rate_above(const struct quota_rate *a, const struct quota_rate *b)
{
    return a->calls != 0 && b->calls != 0 && a->burst > b->burst &&
           a->calls * b->per_ms > b->calls * a->per_ms;
}

static const char *looser_part(const struct document_quota *a, const struct document_quota *b)
{
    if (is_above(a->stored_bytes, b->stored_bytes))
        return "stored bytes";
    if (is_above(a->stored_pins, b->stored_pins))
        return "pins";
    if (is_window_above(&a->upload, &b->upload))
        return "upload";
    if (is_window_above(&a->egress, &b->egress))
        return "egress";
    if (is_rate_above(&a->requests, &b->requests))
        return "requests";
    return is_above(a->concurrent, b->concurrent) ? "concurrent" : NULL;
}

/* Does all that counts for a count for b, too? */
static bool is_within(const struct document *document, const struct document_quota *a,
                      const struct document_quota *b)
{
    if (a == b)
        return false;
    if (a->scope == QUOTA_SCOPE_PARTNER && b->scope == QUOTA_SCOPE_PARTNER)
        return slice_equal(a->partner, b->partner);
    if (a->scope == b->scope && a->scope != QUOTA_SCOPE_GROUP)
        return true;
    if (b->scope == QUOTA_SCOPE_ORG ||
        (a->scope == QUOTA_SCOPE_TOKEN && b->scope == QUOTA_SCOPE_MEMBER))
        return true;
    if (a->scope != QUOTA_SCOPE_GROUP || b->scope != QUOTA_SCOPE_GROUP)
        return false;
    for (size_t at = a->group.index; at != NAMES_NONE; at = document->groups[at].parent.index)
        if (at == b->group.index)
            return true;
    return false;
}

/* A narrower scope with the larger limit: the wider one refuses first, always. */
static void check_looser(struct check *check, const struct document_quota *quota)
{
    const struct document *document = &check->policy->document;

    for (size_t i = 0; i < document->quota_count; i++) {
        const struct document_quota *other = &document->quotas[i];
        const char *part = NULL;

        if (is_within(document, quota, other))
            part = looser_part(quota, other);
        if (part == NULL)
            continue;
        check_finding(check, FINDING_NOTE, quota->node,
                      "the quota '%.*s' never decides on %s: '%.*s' (line %u) counts the same and "
                      "more, and allows less",
                      SLICE_ARGS(quota->id), part, SLICE_ARGS(other->id), other->node->line);
        return;
    }
}

/* One member alone can use up what the whole group has. */
static void check_shares(struct check *check, const struct document_quota *group)
{
    const struct document *document = &check->policy->document;

    for (size_t i = 0; group->scope == QUOTA_SCOPE_GROUP && i < document->quota_count; i++) {
        const struct document_quota *member = &document->quotas[i];
        const char *part;

        if (member->scope != QUOTA_SCOPE_MEMBER)
            continue;
        part = looser_part(member, group);
        if (part != NULL)
            check_finding(check, FINDING_NOTE, group->node,
                          "one member of the group '%.*s' can use up all that the group has (%s): "
                          "'%.*s' allows each member more",
                          SLICE_ARGS(group->group.name), part, SLICE_ARGS(member->id));
    }
}

void check_quotas(struct check *check)
{
    const struct document *document = &check->policy->document;
    bool has_stored = false;

    for (size_t i = 0; i < document->quota_count; i++) {
        check_looser(check, &document->quotas[i]);
        check_shares(check, &document->quotas[i]);
        has_stored = has_stored || document->quotas[i].stored_bytes > 0;
    }
    if (document->quota_count > 0 && !has_stored)
        findings_add(check->findings, FINDING_NOTE, yaml_name(document->files[0]), 0, 0,
                     "no quota limits the bytes that are stored: one member can fill the disk");
}

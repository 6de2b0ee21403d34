// SPDX-License-Identifier: Apache-2.0
/* The labels of an object. */
#include "conf/suggest.h"
#include "ipfs/call_show.h"
#include "policy/placement.h"
#include "policy/policy_private.h"

#include <assert.h>

size_t policy_label_count(const struct policy *policy)
{
    return policy->document.label_count;
}

struct slice policy_label(const struct policy *policy, size_t index)
{
    assert(index < policy->document.label_count);
    return policy->document.labels[index].name;
}

struct slice policy_label_value(const struct policy *policy, size_t index, size_t value)
{
    const struct document_label *label = &policy->document.labels[index];

    assert(index < policy->document.label_count);
    return value < label->value_count ? label->values[value] : (struct slice){NULL, 0};
}

/* ---- what the policy gives */

static bool has_group(const struct slice *groups, size_t count, struct slice group)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equal(groups[i], group))
            return true;
    return false;
}

static bool is_meant(const struct subject *subject, const struct owner *owner,
                     const struct slice *groups, size_t group_count)
{
    switch (subject->kind) {
    case SUBJECT_EVERYONE:
        return true;
    case SUBJECT_MEMBERS:
        return owner != NULL && owner->kind == OWNER_MEMBER;
    case SUBJECT_MEMBER:
        return owner != NULL && owner->kind == OWNER_MEMBER &&
               slice_is(subject->ref.name, owner->id);
    case SUBJECT_GROUP:
        return has_group(groups, group_count, subject->ref.name);
    default:
        return false;
    }
}

static void give(const struct policy *policy, const struct owner *owner, uint8_t *labels)
{
    struct slice groups[POLICY_OWNER_GROUPS_MAX];
    size_t group_count = policy_owner_groups(policy, owner, groups, POLICY_OWNER_GROUPS_MAX);

    for (size_t i = 0; i < policy->document.label_count; i++) {
        const struct document_label *label = &policy->document.labels[i];

        labels[i] = 0;
        for (size_t g = 0; g < label->give_count; g++)
            for (size_t s = 0; s < label->gives[g].to.count; s++)
                if (label->gives[g].value > labels[i] &&
                    is_meant(&label->gives[g].to.items[s], owner, groups, group_count))
                    labels[i] = label->gives[g].value;
    }
}

/* ---- what token and request ask */

static bool unknown_label(const struct policy *policy, struct slice name, struct error *err)
{
    struct suggestion near;

    suggestion_init(&near, name);
    for (size_t i = 0; i < policy->document.label_count; i++)
        suggestion_offer_slice(&near, policy->document.labels[i].name);
    return error_set(err, ERROR_NOT_FOUND, "there is no label '%s' in the policy%s%.*s%s",
                     call_show(name).text, near.best.size > 0 ? "; did you mean '" : "",
                     SLICE_ARGS(near.best), near.best.size > 0 ? "'?" : "");
}

static bool unknown_value(const struct document_label *label, struct slice value, struct error *err)
{
    struct text all = {0};

    for (size_t i = 0; i < label->value_count; i++)
        text_put_format(&all, "%s%.*s", i > 0 ? ", " : "", SLICE_ARGS(label->values[i]));
    error_set(err, ERROR_NOT_FOUND, "'%s' is no value of the label '%.*s'; there are: %s",
              call_show(value).text, SLICE_ARGS(label->name), all.data);
    text_dispose(&all);
    return false;
}

/* "class=secret" */
static bool read_pair(const struct policy *policy, struct slice pair, size_t *label, uint8_t *value,
                      struct error *err)
{
    const struct document *document = &policy->document;
    const char *equal = memchr(pair.data, '=', pair.size);
    struct slice name, text;

    if (equal == NULL)
        return error_set(err, ERROR_SYNTAX,
                         "'%s' is no label; write NAME=VALUE, such as class=secret",
                         call_show(pair).text);
    name = (struct slice){pair.data, (size_t)(equal - pair.data)};
    text = (struct slice){equal + 1, pair.size - name.size - 1};
    *label = names_find(&document->label_names, name);
    if (*label == NAMES_NONE)
        return unknown_label(policy, name, err);
    for (size_t i = 0; i < document->labels[*label].value_count; i++)
        if (slice_equal(document->labels[*label].values[i], text)) {
            *value = (uint8_t)i;
            return true;
        }
    return unknown_value(&document->labels[*label], text, err);
}

/* A looser value than is there already is refused if may_loosen is false, else it changes nothing.
 */
static bool tighten(const struct policy *policy, struct slice pairs, bool may_loosen,
                    uint8_t *labels, struct error *err)
{
    while (pairs.size > 0) {
        const char *comma = memchr(pairs.data, ',', pairs.size);
        size_t size = comma == NULL ? pairs.size : (size_t)(comma - pairs.data);
        size_t used = comma == NULL ? size : size + 1, label = 0;
        const struct document_label *of;
        uint8_t value = 0;

        if (!read_pair(policy, (struct slice){pairs.data, size}, &label, &value, err))
            return false;
        of = &policy->document.labels[label];
        if (value < labels[label] && !may_loosen)
            return error_set(
                err, ERROR_REFUSED,
                "%.*s=%.*s is looser than %.*s, which policy and token give; a request "
                "may only be tighter",
                SLICE_ARGS(of->name), SLICE_ARGS(of->values[value]),
                SLICE_ARGS(of->values[labels[label]]));
        if (value > labels[label])
            labels[label] = value;
        pairs = (struct slice){pairs.data + used, pairs.size - used};
    }
    return true;
}

bool policy_label_object(const struct policy *policy, const struct policy_object *object,
                         struct slice token, struct slice request, uint8_t *labels,
                         struct error *err)
{
    give(policy, object->owner, labels);
    return tighten(policy, token, true, labels, err) &&
           tighten(policy, request, false, labels, err);
}

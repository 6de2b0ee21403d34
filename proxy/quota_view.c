// SPDX-License-Identifier: Apache-2.0
#include "proxy/quota_view.h"

#include <stdio.h>

static void set_number(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* ---- what passes by */

static const char *const dimension_names[] = {
    [CALLER_REQUESTS] = "requests",
    [CALLER_CONCURRENT] = "concurrent",
    [CALLER_UPLOAD] = "upload_bytes",
    [CALLER_EGRESS] = "egress_bytes",
};

static json_t *describe(const struct caller_standing *standing)
{
    const struct policy_quota *quota = standing->quota;
    char at[300];
    json_t *object = json_object();

    snprintf(at, sizeof(at), "%s:%u", quota->place.file, quota->place.line);
    json_object_set_new(object, "quota", json_stringn(quota->id.data, quota->id.size));
    json_object_set_new(object, "at", json_string(at));
    json_object_set_new(object, "scope", json_string(standing->whom));
    json_object_set_new(object, "dimension", json_string(dimension_names[standing->dimension]));
    set_number(object, "limit", standing->limit);
    set_number(object, "used", standing->used);
    set_number(object, "left", standing->left);
    if (standing->dimension == CALLER_REQUESTS)
        set_number(object, "rate", quota->requests.calls);
    if (standing->per_ms > 0) {
        set_number(object, "per_s", standing->per_ms / 1000);
        set_number(object, "reset_s", (standing->reset_ms + 999) / 1000);
    }
    return object;
}

static void add_metered(json_t *limits, struct accounts *accounts, struct caller *caller)
{
    uint64_t now_ms = accounts_now_ms(accounts);
    struct caller_standing standing;

    for (size_t i = 0; caller != NULL && i < caller_count(caller); i++)
        for (int d = CALLER_REQUESTS; d <= CALLER_EGRESS; d++)
            if (caller_stands(caller, i, (enum caller_dimension)d, now_ms, &standing))
                json_array_append_new(limits, describe(&standing));
}

/* ---- what is stored */

/* "each (policy.yaml:31)" in its two parts. */
static void set_label(json_t *object, const char *label)
{
    const char *space = strchr(label, ' ');

    json_object_set_new(object, "quota", json_stringn(label, (size_t)(space - label)));
    json_object_set_new(object, "at", json_stringn(space + 2, strlen(space) - 3));
}

static void add_stored(json_t *limits, const struct quota_limit *limit, bool is_pins)
{
    uint64_t used = atomic_load(&limit->counter->used);
    json_t *object;

    if (limit->limit == UINT64_MAX)
        return;
    object = json_object();
    set_label(object, limit->id);
    json_object_set_new(object, "scope", json_string(limit->scope));
    json_object_set_new(object, "dimension", json_string(is_pins ? "stored_pins" : "stored_bytes"));
    set_number(object, "limit", limit->limit);
    set_number(object, "used", used);
    set_number(object, "left", used < limit->limit ? limit->limit - used : 0);
    if (limit->soft > 0) {
        set_number(object, "soft", limit->soft);
        json_object_set_new(object, "is_above_soft", json_boolean(used > limit->soft));
    }
    json_array_append_new(limits, object);
}

/* The first counter is the owner's own, the last the organization's. */
static void put_stored(json_t *object, json_t *limits, struct accounts *accounts,
                       const struct policy *policy, const struct owner *owner)
{
    struct quota_limit bytes[ACCOUNTS_LIMITS_MAX], pins[ACCOUNTS_LIMITS_MAX];
    size_t count = accounts_stored(accounts, policy, owner, false, bytes);

    (void)accounts_stored(accounts, policy, owner, true, pins);
    for (size_t i = 0; i < count; i++) {
        add_stored(limits, &bytes[i], false);
        add_stored(limits, &pins[i], true);
    }
    json_object_set_new(object, "stored",
                        json_pack("{s:I,s:I}", "bytes",
                                  (json_int_t)atomic_load(&bytes[0].counter->used), "pins",
                                  (json_int_t)atomic_load(&pins[0].counter->used)));
    json_object_set_new(object, "org",
                        json_pack("{s:I,s:I}", "bytes",
                                  (json_int_t)atomic_load(&bytes[count - 1].counter->used), "pins",
                                  (json_int_t)atomic_load(&pins[count - 1].counter->used)));
}

json_t *quota_view(struct accounts *accounts, const struct policy *policy,
                   const struct principal *principal, struct caller *caller)
{
    json_t *object = json_object(), *limits = json_array();
    struct owner owner = {OWNER_MEMBER, ""};

    if (principal->kind == PRINCIPAL_MEMBER) {
        json_object_set_new(object, "member", json_stringn(principal->id.data, principal->id.size));
        snprintf(owner.id, sizeof(owner.id), "%.*s", SLICE_ARGS(principal->id));
        put_stored(object, limits, accounts, policy, &owner);
    }
    add_metered(limits, accounts, caller);
    json_object_set_new(object, "limits", limits);
    return object;
}

// SPDX-License-Identifier: Apache-2.0
/* What a step charges, taken from the quotas before it is written, and given back behind it. */
#include "conf/memory.h"
#include "conf/units.h"
#include "upstream/tracker_private.h"

#include <assert.h>

/* ---- how much a step adds to an owner, or takes */

/* Confirmed pins; owner NULL: all, ownerless ones too. */
static int64_t pins_of(const struct ownership *object, const struct owner *owner)
{
    int64_t count = 0;

    for (size_t i = 0; i < object->count; i++) {
        const struct ownership_pin *pin = &object->pins[i];

        if (pin->held != PIN_NONE &&
            (owner == NULL || (!pin->is_ownerless && owner_equal(&pin->owner, owner))))
            count++;
    }
    return count;
}

static int64_t added_pins(const struct tracked *object, const struct owner *owner)
{
    return pins_of(&object->state, owner) - pins_of(&object->before, owner);
}

/* What the step adds to one owner, or (owner NULL) to the organization. */
struct account {
    const struct owner *owner;
    int64_t bytes, pins;
};

/* By number: the owners of pins that the step changed, each at its first, then the organization. An
 * object may have any number of pins; a step changes few. */

static bool is_changed(const struct tracked_pair *pair)
{
    const struct ownership_pin *before = pair->before, *now = pair->now;

    return before == NULL || now == NULL || before->held != now->held ||
           before->is_ownerless != now->is_ownerless || !owner_equal(&before->owner, &now->owner);
}

static void note(struct tracked *object, const struct owner *owner)
{
    for (size_t i = 0; i < object->changed_count; i++)
        if (owner_equal(&object->changed[i], owner))
            return;
    if (object->changed_count == object->changed_capacity) {
        object->changed_capacity = object->changed_capacity * 2 + 4;
        object->changed = memory_resize_array(object->changed, object->changed_capacity,
                                              sizeof(*object->changed));
    }
    object->changed[object->changed_count++] = *owner;
}

static void find_changed(struct tracked *object)
{
    struct tracked_pair pair = {0};

    object->changed_count = 0;
    while (tracked_next_pair(object, &pair)) {
        if (pair.now != NULL && is_changed(&pair))
            note(object, &pair.now->owner);
        if (pair.before != NULL && is_changed(&pair))
            note(object, &pair.before->owner);
    }
}

static int64_t added_bytes(const struct tracked *object, const struct owner *owner)
{
    for (size_t i = 0; i < object->actions.charge_count; i++)
        if (owner_equal(&object->actions.charges[i].owner, owner))
            return object->actions.charges[i].bytes;
    return 0;
}

static struct account account_at(const struct tracked *object, size_t index)
{
    const struct owner *owner = index < object->changed_count ? &object->changed[index] : NULL;

    return (struct account){owner,
                            owner != NULL ? added_bytes(object, owner) : object->actions.org_bytes,
                            added_pins(object, owner)};
}

/* ---- taking and giving */

static size_t limits_of(const struct tracker *tracker, const struct owner *owner, bool is_pins,
                        struct quota_limit *limits)
{
    const struct tracker_quotas *quotas = &tracker->settings.quotas;

    return quotas->limits == NULL ? 0 : quotas->limits(quotas->arg, owner, is_pins, limits);
}

static void say(const struct quota_verdict *verdict, bool is_pins, uint64_t amount,
                struct error *why)
{
    const struct quota_limit *limit = verdict->tightest;
    char allowed[UNITS_TEXT_SIZE], used[UNITS_TEXT_SIZE], wanted[UNITS_TEXT_SIZE];

    if (is_pins) {
        error_set(why, ERROR_LIMIT,
                  "the quota %s allows %s %llu pins, and there are %llu; remove some, or ask your "
                  "admin for more",
                  limit->id, limit->scope, (unsigned long long)limit->limit,
                  (unsigned long long)verdict->used);
        return;
    }
    units_print_size(allowed, limit->limit);
    units_print_size(used, verdict->used);
    units_print_size(wanted, amount);
    error_set(
        why, ERROR_LIMIT,
        "the quota %s allows %s %s of stored data; %s are used, and this needs %s more; remove "
        "pins, or ask your admin for more",
        limit->id, limit->scope, allowed, used, wanted);
}

static void force(struct quota_limit *limits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        limits[i].limit = UINT64_MAX;
}

static bool take(struct tracked *object, const struct owner *owner, bool is_pins, int64_t amount,
                 bool is_forced, struct error *why)
{
    struct quota_limit limits[TRACKER_LIMITS_MAX];
    struct quota_verdict verdict;
    size_t count;

    if (amount <= 0)
        return true;
    count = limits_of(object->tracker, owner, is_pins, limits);
    if (is_forced)
        force(limits, count);
    if (quota_take(limits, count, (uint64_t)amount, &verdict))
        return true;
    say(&verdict, is_pins, (uint64_t)amount, why);
    return false;
}

static void give(struct tracked *object, const struct owner *owner, bool is_pins, int64_t amount)
{
    struct quota_limit limits[TRACKER_LIMITS_MAX];

    if (amount > 0)
        quota_give(limits, limits_of(object->tracker, owner, is_pins, limits), (uint64_t)amount);
}

static void give_account(struct tracked *object, const struct account *account, int sign)
{
    give(object, account->owner, false, sign * account->bytes);
    give(object, account->owner, true, sign * account->pins);
}

bool tracked_charge(struct tracked *object, bool is_forced, struct owner *owner, struct error *why)
{
    find_changed(object);
    for (size_t i = 0; i <= object->changed_count; i++) {
        struct account account = account_at(object, i);
        bool has_bytes = take(object, account.owner, false, account.bytes, is_forced, why);

        if (has_bytes && take(object, account.owner, true, account.pins, is_forced, why))
            continue;
        if (has_bytes)
            give(object, account.owner, false, account.bytes);
        *owner = account.owner != NULL ? *account.owner : (struct owner){0};
        while (i-- > 0) {
            account = account_at(object, i);
            give_account(object, &account, 1);
        }
        return false;
    }
    return true;
}

static void give_all(struct tracked *object, int sign)
{
    find_changed(object);
    for (size_t i = 0; i <= object->changed_count; i++) {
        struct account account = account_at(object, i);

        give_account(object, &account, sign);
    }
}

void tracked_uncharge(struct tracked *object)
{
    give_all(object, 1);
}

void tracked_discharge(struct tracked *object)
{
    give_all(object, -1);
}

/* ---- looking ahead */

/* What is charged already for this object counts as room. */
static bool has_bytes(const struct tracked *object, const struct owner *owner, uint64_t charged,
                      uint64_t bytes, struct error *why)
{
    struct quota_limit limits[TRACKER_LIMITS_MAX];
    size_t count = limits_of(object->tracker, owner, false, limits);
    struct quota_verdict verdict = quota_look(limits, count);

    if (bytes <= charged || verdict.tightest == NULL || verdict.room >= bytes - charged)
        return true;
    say(&verdict, false, bytes - charged, why);
    return false;
}

bool tracked_has_room(const struct tracked *object, const struct owner *owner, uint64_t bytes,
                      struct error *why)
{
    uint64_t own, org;

    ownership_charged(&object->state, owner, &own);
    ownership_org_charged(&object->state, &org);
    return has_bytes(object, owner, own, bytes, why) && has_bytes(object, NULL, org, bytes, why);
}

static bool has_pin(const struct tracker *tracker, const struct owner *owner, struct error *why)
{
    struct quota_limit limits[TRACKER_LIMITS_MAX];
    size_t count = limits_of(tracker, owner, true, limits);
    struct quota_verdict verdict = quota_look(limits, count);

    if (verdict.tightest == NULL || verdict.room > 0)
        return true;
    say(&verdict, true, 1, why);
    return false;
}

bool tracked_may_claim(const struct tracked *object, const struct owner *owner, struct error *why)
{
    return tracked_has_room(object, owner, 1, why) && has_pin(object->tracker, owner, why) &&
           has_pin(object->tracker, NULL, why);
}

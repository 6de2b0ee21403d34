// SPDX-License-Identifier: Apache-2.0
#include "policy/quota.h"

#include <assert.h>

static bool take_one(const struct quota_limit *limit, uint64_t amount)
{
    uint64_t used = atomic_load(&limit->counter->used);

    do {
        if (used > limit->limit || amount > limit->limit - used)
            return false;
    } while (!atomic_compare_exchange_weak(&limit->counter->used, &used, used + amount));
    return true;
}

void quota_give(const struct quota_limit *limits, size_t count, uint64_t amount)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before = atomic_fetch_sub(&limits[i].counter->used, amount);

        assert(before >= amount);
    }
}

struct quota_verdict quota_look(const struct quota_limit *limits, size_t count)
{
    struct quota_verdict verdict = {0};

    for (size_t i = 0; i < count; i++) {
        const struct quota_limit *limit = &limits[i];
        uint64_t used = atomic_load(&limit->counter->used);
        uint64_t room = used < limit->limit ? limit->limit - used : 0;

        if (verdict.tightest == NULL || room < verdict.room) {
            verdict.tightest = limit;
            verdict.used = used;
            verdict.room = room;
        }
        if (verdict.soft == NULL && limit->soft != 0 && used > limit->soft)
            verdict.soft = limit;
    }
    return verdict;
}

bool quota_take(const struct quota_limit *limits, size_t count, uint64_t amount,
                struct quota_verdict *verdict)
{
    size_t taken = 0;

    while (taken < count && take_one(&limits[taken], amount))
        taken++;
    if (taken < count)
        quota_give(limits, taken, amount);
    *verdict = quota_look(limits, count);
    return taken == count;
}

void quota_reserve(struct quota_reservation *reservation, const struct quota_limit *limits,
                   size_t count, uint64_t slice)
{
    *reservation = (struct quota_reservation){.limits = limits, .count = count, .slice = slice};
}

/* Room for bytes more: a slice if one is to be had, else just what is needed. */
static bool take_more(struct quota_reservation *reservation, uint64_t bytes,
                      struct quota_verdict *verdict)
{
    uint64_t need = bytes - (reservation->taken - reservation->spent);
    uint64_t amount = need;

    if (reservation->slice > need &&
        quota_take(reservation->limits, reservation->count, reservation->slice, verdict))
        amount = reservation->slice;
    else if (!quota_take(reservation->limits, reservation->count, need, verdict))
        return false;
    reservation->taken += amount;
    return true;
}

bool quota_spend(struct quota_reservation *reservation, uint64_t bytes,
                 struct quota_verdict *verdict)
{
    if (bytes <= reservation->taken - reservation->spent)
        *verdict = quota_look(reservation->limits, reservation->count);
    else if (!take_more(reservation, bytes, verdict))
        return false;
    reservation->spent += bytes;
    return true;
}

bool quota_settle(struct quota_reservation *reservation, uint64_t charge,
                  struct quota_verdict *verdict)
{
    if (charge > reservation->taken) {
        if (!quota_take(reservation->limits, reservation->count, charge - reservation->taken,
                        verdict))
            return false;
    } else {
        quota_give(reservation->limits, reservation->count, reservation->taken - charge);
        *verdict = quota_look(reservation->limits, reservation->count);
    }
    reservation->taken = reservation->spent = 0;
    return true;
}

void quota_drop(struct quota_reservation *reservation)
{
    quota_give(reservation->limits, reservation->count, reservation->taken);
    reservation->taken = reservation->spent = 0;
}

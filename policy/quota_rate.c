// SPDX-License-Identifier: Apache-2.0
#include "policy/quota_rate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t divide_up(uint64_t value, uint64_t by)
{
    return value / by + (value % by != 0);
}

/* ---- rates, in us: a rate of 1,000,000 a second has one call each */

/* Rounded up: at most the rate, never above. */
static uint64_t interval_us(const struct quota_rate *rate)
{
    assert(rate->calls > 0 && rate->burst > 0 && rate->per_ms > 0);
    return divide_up(rate->per_ms * 1000, rate->calls);
}

static struct quota_rate_verdict describe(const struct quota_rate *rate, uint64_t full_at_us,
                                          uint64_t now_us)
{
    uint64_t interval = interval_us(rate);
    uint64_t behind = full_at_us > now_us ? full_at_us - now_us : 0;
    uint64_t capacity = interval * rate->burst;
    uint64_t left = behind < capacity ? (capacity - behind) / interval : 0;
    uint64_t wait = left > 0 ? 0 : behind + interval - capacity;

    return (struct quota_rate_verdict){
        .left = left,
        .wait_ms = divide_up(wait, 1000),
        .reset_ms = divide_up(behind, 1000),
    };
}

bool quota_rate_take(const struct quota_rate *rate, struct quota_rate_state *state, uint64_t now_ms,
                     struct quota_rate_verdict *verdict)
{
    uint64_t interval = interval_us(rate);
    uint64_t now_us = now_ms * 1000;
    uint64_t full_at = atomic_load(&state->full_at_us);
    uint64_t next;

    do {
        next = (full_at > now_us ? full_at : now_us) + interval;
        if (next - now_us > interval * rate->burst) {
            *verdict = describe(rate, full_at, now_us);
            return false;
        }
    } while (!atomic_compare_exchange_weak(&state->full_at_us, &full_at, next));
    *verdict = describe(rate, next, now_us);
    return true;
}

struct quota_rate_verdict quota_rate_look(const struct quota_rate *rate,
                                          const struct quota_rate_state *state, uint64_t now_ms)
{
    return describe(rate, atomic_load(&state->full_at_us), now_ms * 1000);
}

void quota_rate_give(const struct quota_rate *rate, struct quota_rate_state *state)
{
    uint64_t before = atomic_fetch_sub(&state->full_at_us, interval_us(rate));

    assert(before >= interval_us(rate));
}

void quota_rate_change(const struct quota_rate *from, const struct quota_rate *to,
                       struct quota_rate_state *state, uint64_t now_ms)
{
    struct quota_rate_verdict stands = quota_rate_look(from, state, now_ms);
    uint64_t used = from->burst - stands.left;

    if (used > to->burst)
        used = to->burst;
    atomic_store(&state->full_at_us, now_ms * 1000 + used * interval_us(to));
}

/* ---- headers */

void quota_print_policy(char out[QUOTA_HEADER_SIZE], const char *id, uint64_t limit,
                        uint64_t per_ms, const char *unit)
{
    bool is_default = strcmp(unit, "requests") == 0;

    snprintf(out, QUOTA_HEADER_SIZE, "\"%s\";q=%" PRIu64 "%s%s%s;w=%" PRIu64, id, limit,
             is_default ? "" : ";qu=\"", is_default ? "" : unit, is_default ? "" : "\"",
             divide_up(per_ms, 1000));
}

void quota_print_limit(char out[QUOTA_HEADER_SIZE], const char *id, uint64_t left,
                       uint64_t reset_ms)
{
    snprintf(out, QUOTA_HEADER_SIZE, "\"%s\";r=%" PRIu64 ";t=%" PRIu64, id, left,
             divide_up(reset_ms, 1000));
}

uint64_t quota_retry_after_s(uint64_t wait_ms)
{
    return wait_ms == 0 ? 1 : divide_up(wait_ms, 1000);
}

// SPDX-License-Identifier: Apache-2.0
#include "federation/breaker.h"

#include <assert.h>
#include <string.h>

static const uint64_t SLOT_MS = BREAKER_MINUTE_MS / BREAKER_SLOTS;

static void count(struct breaker *breaker, uint64_t now_ms, bool has_failed)
{
    uint64_t number = now_ms / SLOT_MS;
    unsigned place = (unsigned)(number % BREAKER_SLOTS);

    if (breaker->slots[place].number != number) {
        breaker->slots[place].number = number;
        breaker->slots[place].all = breaker->slots[place].failed = 0;
    }
    breaker->slots[place].all++;
    breaker->slots[place].failed += has_failed;
}

static bool fails_mostly(const struct breaker *breaker, uint64_t now_ms)
{
    uint64_t number = now_ms / SLOT_MS;
    uint64_t all = 0, failed = 0;

    for (unsigned i = 0; i < BREAKER_SLOTS; i++) {
        if (breaker->slots[i].number + BREAKER_SLOTS <= number)
            continue;
        all += breaker->slots[i].all;
        failed += breaker->slots[i].failed;
    }
    return all >= BREAKER_SAMPLE && 2 * failed > all;
}

static uint64_t wait_of(unsigned attempt, uint16_t jitter)
{
    uint64_t wait = BREAKER_WAIT_MIN_MS;

    for (unsigned i = 0; i < attempt && wait < BREAKER_WAIT_MAX_MS; i++)
        wait *= 2;
    if (wait > BREAKER_WAIT_MAX_MS)
        wait = BREAKER_WAIT_MAX_MS;
    return wait / 2 + wait / 2 * (UINT64_C(1) + jitter) / 65536;
}

static void open_it(struct breaker *breaker, uint64_t now_ms, uint16_t jitter,
                    struct breaker_verdict *verdict)
{
    breaker->state = BREAKER_OPEN;
    breaker->retry_ms = now_ms + wait_of(breaker->attempt, jitter);
    breaker->under_way = 0;
    verdict->opened = verdict->must_keep = true;
}

/* Clears what was counted: it was about before. */
static void mend(struct breaker *breaker)
{
    memset(breaker->slots, 0, sizeof(breaker->slots));
    breaker->row = 0;
    breaker->state = BREAKER_MENDING;
    breaker->allowed = 1;
    breaker->under_way = 0;
}

static void close_it(struct breaker *breaker, struct breaker_verdict *verdict)
{
    breaker->state = BREAKER_CLOSED;
    breaker->attempt = 0;
    verdict->closed = verdict->must_keep = true;
}

static void wait_until(struct breaker_verdict *verdict, uint64_t until_ms, uint64_t now_ms)
{
    verdict->answer = BREAKER_WAIT;
    verdict->wait_ms = until_ms > now_ms ? until_ms - now_ms : 0;
}

static void ask(struct breaker *breaker, uint64_t now_ms, struct breaker_verdict *verdict)
{
    if (now_ms < breaker->pause_until_ms) {
        wait_until(verdict, breaker->pause_until_ms, now_ms);
        return;
    }
    switch (breaker->state) {
    case BREAKER_CLOSED:
        return;
    case BREAKER_OPEN:
        if (now_ms < breaker->retry_ms) {
            wait_until(verdict, breaker->retry_ms, now_ms);
            return;
        }
        breaker->state = BREAKER_PROBING;
        breaker->probed_ms = now_ms;
        return;
    case BREAKER_PROBING:
        wait_until(verdict, now_ms, now_ms);
        return;
    case BREAKER_MENDING:
        if (breaker->under_way >= breaker->allowed)
            wait_until(verdict, now_ms, now_ms);
        else
            breaker->under_way++;
        return;
    }
}

static void succeed(struct breaker *breaker, uint64_t now_ms, struct breaker_verdict *verdict)
{
    breaker->row = 0;
    count(breaker, now_ms, false);
    if (breaker->state == BREAKER_PROBING) {
        mend(breaker);
    } else if (breaker->state == BREAKER_MENDING) {
        if (breaker->under_way > 0)
            breaker->under_way--;
        breaker->allowed *= 2;
        if (breaker->allowed >= BREAKER_MENDED)
            close_it(breaker, verdict);
    }
}

static void fail(struct breaker *breaker, uint64_t now_ms, uint16_t jitter,
                 struct breaker_verdict *verdict)
{
    breaker->row++;
    count(breaker, now_ms, true);
    switch (breaker->state) {
    case BREAKER_CLOSED:
        if (breaker->row >= BREAKER_ROW || fails_mostly(breaker, now_ms))
            open_it(breaker, now_ms, jitter, verdict);
        return;
    case BREAKER_OPEN: /* begun before it opened */
        return;
    case BREAKER_MENDING:
        breaker->allowed = 1;
        breaker->under_way = 0;
        if (breaker->row < 2)
            return;
        break;
    case BREAKER_PROBING:
        break;
    }
    breaker->attempt++;
    open_it(breaker, now_ms, jitter, verdict);
}

static void cancel(struct breaker *breaker, uint64_t now_ms)
{
    if (breaker->state == BREAKER_PROBING) {
        breaker->state = BREAKER_OPEN;
        breaker->retry_ms = now_ms;
    } else if (breaker->state == BREAKER_MENDING && breaker->under_way > 0) {
        breaker->under_way--;
    }
}

static void inbound(struct breaker *breaker, uint64_t now_ms, struct breaker_verdict *verdict)
{
    uint64_t earliest = breaker->probed_ms == 0 ? now_ms : breaker->probed_ms + BREAKER_WAIT_MIN_MS;

    if (breaker->state != BREAKER_OPEN || breaker->retry_ms <= earliest)
        return;
    breaker->retry_ms = earliest > now_ms ? earliest : now_ms;
    breaker->attempt = 0;
    verdict->must_keep = true;
}

static void pause_it(struct breaker *breaker, uint64_t now_ms, uint64_t pause_ms,
                     struct breaker_verdict *verdict)
{
    if (pause_ms > BREAKER_WAIT_MAX_MS)
        pause_ms = BREAKER_WAIT_MAX_MS;
    succeed(breaker, now_ms, verdict);
    if (breaker->pause_until_ms < now_ms + pause_ms)
        breaker->pause_until_ms = now_ms + pause_ms;
}

struct breaker_verdict breaker_step(struct breaker *breaker, enum breaker_event event,
                                    uint64_t now_ms, uint16_t jitter, uint64_t pause_ms)
{
    struct breaker_verdict verdict = {0};

    assert(now_ms > 0);
    switch (event) {
    case BREAKER_ASK:
        ask(breaker, now_ms, &verdict);
        break;
    case BREAKER_SUCCEEDED:
        succeed(breaker, now_ms, &verdict);
        break;
    case BREAKER_FAILED:
        fail(breaker, now_ms, jitter, &verdict);
        break;
    case BREAKER_PAUSED:
        pause_it(breaker, now_ms, pause_ms, &verdict);
        break;
    case BREAKER_CANCELED:
        cancel(breaker, now_ms);
        break;
    case BREAKER_INBOUND:
        inbound(breaker, now_ms, &verdict);
        break;
    case BREAKER_RESET:
        *breaker = (struct breaker){0};
        verdict.closed = verdict.must_keep = true;
        break;
    }
    return verdict;
}

struct breaker_record breaker_save(const struct breaker *breaker, uint64_t now_ms, uint64_t wall_ms)
{
    bool waits = breaker->state == BREAKER_OPEN && breaker->retry_ms > now_ms;

    return (struct breaker_record){
        .is_open = breaker->state != BREAKER_CLOSED,
        .attempt = breaker->attempt,
        .retry_wall_ms = wall_ms + (waits ? breaker->retry_ms - now_ms : 0),
    };
}

void breaker_load(struct breaker *breaker, const struct breaker_record *record, uint64_t now_ms,
                  uint64_t wall_ms)
{
    uint64_t wait = record->retry_wall_ms > wall_ms ? record->retry_wall_ms - wall_ms : 0;

    *breaker = (struct breaker){0};
    if (!record->is_open)
        return;
    breaker->state = BREAKER_OPEN;
    breaker->attempt = record->attempt;
    breaker->retry_ms = now_ms + (wait < BREAKER_WAIT_MAX_MS ? wait : BREAKER_WAIT_MAX_MS);
}

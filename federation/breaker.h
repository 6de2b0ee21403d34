// SPDX-License-Identifier: Apache-2.0
/* Whether a request may be sent to a peer that may be down: breaker and back-off of one link.
 *
 * Pure: `breaker_step(breaker, event, now, jitter) -> verdict`. Any thread, one at a time.
 *
 *   - Closed: all go. It opens after BREAKER_ROW failures with no success between, or when more
 *     than half of at least BREAKER_SAMPLE requests of the last minute failed. One failure never
 *     opens it.
 *   - Open: none go until the wait is over: 5 s, doubled by each probe that failed, to 15 min, of
 *     which jitter takes up to half. Then one probe, and no more until it ends.
 *   - Mending: after a probe that succeeded, one request at a time, then two, four, and so on; at
 *     64 it is closed. A failure begins that anew, a second in a row opens it again, with the next
 *     wait.
 *   - Whoever hears from the peer says so: an open one probes at once, at most once in 5 s.
 *   - A peer that asks for a pause (429, 503 with Retry-After) is obeyed and is not failing. */
#ifndef FEDERATION_BREAKER_H
#define FEDERATION_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_WAIT_MIN_MS UINT64_C(5000)
#define BREAKER_WAIT_MAX_MS UINT64_C(900000)
#define BREAKER_MINUTE_MS   UINT64_C(60000)

enum {
    BREAKER_ROW = 5,
    BREAKER_SAMPLE = 20,
    BREAKER_SLOTS = 6, /* of ten seconds */
    BREAKER_MENDED = 64,
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING, BREAKER_MENDING };

enum breaker_event {
    BREAKER_ASK,       /* may one more be sent? Answered GO, one of the next three follows */
    BREAKER_SUCCEEDED, /* any answer that is no failure: also 4xx */
    BREAKER_FAILED,    /* not connected, cut, silent, 408, 5xx */
    BREAKER_PAUSED,    /* 429, or 503 that says when: pause_ms */
    BREAKER_CANCELED,  /* the request was given up by us, and says nothing */
    BREAKER_INBOUND,   /* the peer was heard, authenticated */
    BREAKER_RESET,     /* by an operator: as if nothing had failed */
};

struct breaker {
    enum breaker_state state;
    unsigned attempt;            /* probes that failed in a row */
    unsigned row;                /* failures in a row */
    unsigned allowed, under_way; /* while mending */
    uint64_t retry_ms;           /* open: when the next probe may go */
    uint64_t probed_ms;          /* when the last one went; 0: none did */
    uint64_t pause_until_ms;
    struct {
        uint64_t number; /* which ten seconds */
        uint32_t all, failed;
    } slots[BREAKER_SLOTS];
};

enum breaker_answer { BREAKER_GO, BREAKER_WAIT };

struct breaker_verdict {
    enum breaker_answer answer; /* of BREAKER_ASK; else GO */
    uint64_t wait_ms;           /* WAIT: ask again then, at the earliest; 0: when another ended */
    bool opened, closed;        /* by this event: for the log and the journal */
    bool must_keep;             /* what breaker_save says has changed */
};

/* jitter: 16 random bits, used when a wait is drawn. pause_ms: of BREAKER_PAUSED, at most 15 min
 * count. now_ms: monotonic, above 0. {0} is closed. */
struct breaker_verdict breaker_step(struct breaker *breaker, enum breaker_event event,
                                    uint64_t now_ms, uint16_t jitter, uint64_t pause_ms);

/* What outlives the process: a start does not hammer a peer that is down. */
struct breaker_record {
    bool is_open;
    unsigned attempt;
    uint64_t retry_wall_ms;
};

struct breaker_record breaker_save(const struct breaker *breaker, uint64_t now_ms,
                                   uint64_t wall_ms);
/* However the clock was set meanwhile, it waits 15 min at most. */
void breaker_load(struct breaker *breaker, const struct breaker_record *record, uint64_t now_ms,
                  uint64_t wall_ms);

#endif

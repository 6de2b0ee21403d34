// SPDX-License-Identifier: Apache-2.0
/* Quotas on what passes by: calls per time with a burst, bytes per window of time. Time is an
 * input, in ms of a clock that does not go back; if it does, nothing is given for it. Pure. */
#ifndef POLICY_QUOTA_RATE_H
#define POLICY_QUOTA_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- calls per time: the generic cell rate algorithm, one number per account */

/* In any time t at most burst + t * calls / per_ms calls are let through. */
struct quota_rate {
    uint64_t calls;  /* 1 to 1,000,000 */
    uint64_t per_ms; /* 1 ms to 31 days */
    uint64_t burst;  /* at once; 1 to 1,000,000 */
};

/* {0}: none were made. Any thread. */
struct quota_rate_state {
    _Atomic uint64_t full_at_us; /* when the whole burst is there again */
};

/* How a rate stands. */
struct quota_rate_verdict {
    uint64_t left;     /* calls that would be let through now */
    uint64_t wait_ms;  /* until the next one is; 0: now */
    uint64_t reset_ms; /* until the whole burst is there again */
};

/* False: refused, and nothing is taken. */
bool quota_rate_take(const struct quota_rate *rate, struct quota_rate_state *state, uint64_t now_ms,
                     struct quota_rate_verdict *verdict);
/* How it stands, taking nothing. */
struct quota_rate_verdict quota_rate_look(const struct quota_rate *rate,
                                          const struct quota_rate_state *state, uint64_t now_ms);
/* A call that another scope refused. */
void quota_rate_give(const struct quota_rate *rate, struct quota_rate_state *state);

/* The policy changes the rate: as many calls of the burst stay used as were, at most all of it.
 * What others take meanwhile may count for either. */
void quota_rate_change(const struct quota_rate *from, const struct quota_rate *to,
                       struct quota_rate_state *state, uint64_t now_ms);

/* ---- bytes per window: a ring of slots */

enum { QUOTA_WINDOW_SLOTS = 60 };

/* {0}: none. A slot is a 59th of the window, rounded up to a ms, so that all slots together are
 * never shorter than it: in any time of per_ms no more than the limit passes, and what passed is
 * forgotten after at most 60 slots. Any thread: what is taken is taken by atomic steps; who finds
 * the ring being turned to its next slot, once in a 59th of the window, lets that be finished. */
struct quota_window {
    _Atomic uint64_t slot_ms; /* if the policy changes it, all counts from the newest slot on */
    _Atomic uint64_t newest;  /* number of the newest slot since the clock's zero */
    _Atomic uint64_t sum;     /* of all slots */
    _Atomic uint64_t bytes[QUOTA_WINDOW_SLOTS];
    atomic_flag is_turning;
};

/* Bytes in the window now. */
uint64_t quota_window_used(struct quota_window *window, uint64_t per_ms, uint64_t now_ms);

/* How many of bytes may pass, and counts them: fewer if the limit is reached, 0 if it is. */
uint64_t quota_window_take(struct quota_window *window, uint64_t limit, uint64_t per_ms,
                           uint64_t now_ms, uint64_t bytes);

/* Of what was taken and did not pass; what is forgotten already stays so. */
void quota_window_give(struct quota_window *window, uint64_t bytes);

/* Ms until so many bytes could pass; 0: now; UINT64_MAX: they are more than the limit. */
uint64_t quota_window_wait_ms(struct quota_window *window, uint64_t limit, uint64_t per_ms,
                              uint64_t now_ms, uint64_t bytes);

/* What a restart needs to go on. */
enum { QUOTA_WINDOW_IMAGE_SIZE = (QUOTA_WINDOW_SLOTS + 2) * 8 };
void quota_window_save(const struct quota_window *window, uint8_t image[QUOTA_WINDOW_IMAGE_SIZE]);
/* Into an empty window. now_ms: of the same clock; what lies ahead of it counts as of now. False:
 * it is no image. */
bool quota_window_load(struct quota_window *window, const uint8_t *image, size_t size,
                       uint64_t now_ms);

/* ---- what a client is told: draft-ietf-httpapi-ratelimit-headers, from -08 */

enum { QUOTA_HEADER_SIZE = 160 };

/* RateLimit-Policy: "id";q=LIMIT;w=SECONDS. unit: "requests" is left out, as is its default;
 * "content-bytes", "concurrent-requests" are printed as ;qu="...". id is one of conf/id.h. */
void quota_print_policy(char out[QUOTA_HEADER_SIZE], const char *id, uint64_t limit,
                        uint64_t per_ms, const char *unit);
/* RateLimit: "id";r=LEFT;t=SECONDS, rounded up. */
void quota_print_limit(char out[QUOTA_HEADER_SIZE], const char *id, uint64_t left,
                       uint64_t reset_ms);
/* Retry-After, in whole seconds, rounded up, at least 1. */
uint64_t quota_retry_after_s(uint64_t wait_ms);

#endif

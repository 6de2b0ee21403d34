// SPDX-License-Identifier: Apache-2.0
/* Slows down who guesses credentials. Only failures are counted and answered: a request with a
 * valid token never comes here.
 *
 * Each address (IPv6: each /64) and each token id has a level: a failure adds one, and it leaks
 * away evenly, `failures` of them in `window_ms`. A failure that brings either level above
 * `failures` is answered 429, others 401. Levels stop at twice `failures`, so that whoever stops
 * failing is forgotten within two windows.
 *
 * The table has a fixed size and is keyed with a secret: an attacker with many addresses pushes out
 * the lowest levels, and costs no memory. Pure: no clock inside. Any number of threads share one,
 * so that it is no use to guess at several; none waits for another. Where two take over the same
 * place at the same time, a failure may be lost or counted for the other. */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include "conf/text.h"

#include <stdint.h>
#include <sys/socket.h>

struct throttle;

struct throttle_settings {
    uint32_t failures;  /* in one window; 0: 10 */
    uint32_t window_ms; /* 0: 60,000 */
    uint32_t slots;     /* a power of two, at least 64; 0: 4,096 (64 KiB) */
};

/* seed: random, and kept secret. */
struct throttle *throttle_create(const struct throttle_settings *settings, const uint8_t seed[16]);
void throttle_destroy(struct throttle **throttle);

/* A credential failed at now_ms (any clock that does not go back). peer may be NULL, id empty. 0:
 * answer 401. Else: answer 429, with Retry-After of so many seconds. */
uint32_t throttle_failed(struct throttle *throttle, const struct sockaddr *peer, struct slice id,
                         uint64_t now_ms);

#endif

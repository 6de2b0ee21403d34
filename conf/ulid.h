// SPDX-License-Identifier: Apache-2.0
/* ULIDs: ids of 26 letters and digits that sort by the time they were drawn. Lower case here.
 * Source: github.com/ulid/spec: 48 bits of ms since 1970, 80 random bits, Crockford's base32.
 *
 * Pure: time and randomness are the caller's. One source belongs to one thread; sources of several
 * threads or processes draw different ids, but not in one order. */
#ifndef CONF_ULID_H
#define CONF_ULID_H

#include "conf/text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ULID_SIZE = 27, /* 26 characters and a NUL */
    ULID_RANDOM_SIZE = 10,
};

/* The greatest ULID that a source drew. {0} drew none yet. */
struct ulid_source {
    uint64_t time_ms;
    uint8_t random[ULID_RANDOM_SIZE];
};

/* Each is greater than the one before: within one millisecond, or if the clock went back, it is the
 * one before plus one, and random is not used. now_ms must be below 2^48. */
void ulid_draw(struct ulid_source *source, uint64_t now_ms, const uint8_t random[ULID_RANDOM_SIZE],
               char ulid[ULID_SIZE]);

/* 26 characters of the lower-case alphabet (no i, l, o, u), and not beyond 128 bits. */
bool ulid_is_valid(struct slice text);

/* The greatest one below a valid one that is not the least there is. */
void ulid_before(const char ulid[ULID_SIZE], char before[ULID_SIZE]);

/* When a valid one was drawn, in ms since 1970. */
uint64_t ulid_time_ms(const char ulid[ULID_SIZE]);

#endif
